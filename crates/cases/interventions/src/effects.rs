//! What acts write.

use crate::{
    model::State,
    rows::{NewSignature, NewStep},
    sql,
};
use journal::{Applied, Effect, WriteTx};
use lease::{EndReason, rows};
use policy::{
    ApproveIntervention, CloseIntervention, CutIntervention, DatabaseAction, ExtendIntervention, HoldIntervention,
    LapseIntervention, OpenIntervention, RefuseIntervention, ReleaseIntervention, WithdrawIntervention,
};
use store::StoreError;
use types::{InterventionId, Time};

/// What becomes of the sessions that run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sessions {
    /// They are not concerned.
    Stay,
    /// They take the new window over.
    Move,
    /// They end, unless "do not interrupt" holds them.
    End,
}

/// An intervention goes from one state to another. Refused when somebody came between.
#[derive(Clone)]
pub(crate) struct Change {
    pub revision: i64,
    pub to: State,
    pub until: Time,
    pub hold: Option<Time>,
    pub signature: Option<NewSignature>,
    pub lifts_hold: bool,
    pub steps: Vec<NewStep>,
    pub sessions: Sessions,
}

impl Change {
    async fn write<A: DatabaseAction>(
        &self,
        tx: &mut WriteTx<'_, A>,
        id: InterventionId,
    ) -> Result<Applied<bool>, StoreError> {
        let now = tx.now();
        let connection = tx.connection();
        if !sql::change(connection, (id, self.revision), self.to, (self.until, self.hold)).await? {
            return Ok(Applied::refused(false));
        }
        if let Some(signature) = &self.signature {
            sql::insert_signature(connection, id, signature, now).await?;
        }
        if self.lifts_hold {
            sql::release_holds(connection, id).await?;
        }
        for step in &self.steps {
            sql::insert_step(connection, id, (step, false), now).await?;
        }
        match self.sessions {
            Sessions::Stay => {}
            Sessions::Move => rows::set_window(tx, id, (self.until, self.hold)).await?,
            Sessions::End => rows::mark_ended(tx, id, EndReason::Closed).await?,
        }
        Ok(Applied::done(true))
    }
}

macro_rules! changes {
    ($($action:ident),*) => {$(
        impl Effect<$action> for Change {
            type Output = bool;
            async fn apply(&self, tx: &mut WriteTx<'_, $action>) -> Result<Applied<bool>, StoreError> {
                let id = tx.action().intervention;
                self.write(tx, id).await
            }
        }
    )*};
}

changes!(
    ApproveIntervention,
    CloseIntervention,
    ExtendIntervention,
    HoldIntervention,
    OpenIntervention,
    RefuseIntervention,
    ReleaseIntervention,
    WithdrawIntervention
);

/// An intervention is over, whatever came between: cut by somebody, or lapsed. Done again it changes nothing.
#[derive(Clone)]
pub(crate) struct Over {
    pub to: State,
    pub step: NewStep,
}

impl Over {
    async fn write<A: DatabaseAction>(
        &self,
        tx: &mut WriteTx<'_, A>,
        id: InterventionId,
    ) -> Result<Applied<()>, StoreError> {
        let now = tx.now();
        if sql::end(tx.connection(), id, self.to, self.to == State::Lapsed).await? {
            sql::insert_step(tx.connection(), id, (&self.step, false), now).await?;
        }
        Ok(Applied::done(()))
    }
}

impl Effect<CutIntervention> for Over {
    type Output = ();
    async fn apply(&self, tx: &mut WriteTx<'_, CutIntervention>) -> Result<Applied<()>, StoreError> {
        let id = tx.action().intervention;
        self.write(tx, id).await
    }
}

impl Effect<LapseIntervention> for Over {
    type Output = ();
    async fn apply(&self, tx: &mut WriteTx<'_, LapseIntervention>) -> Result<Applied<()>, StoreError> {
        let id = tx.action().intervention;
        self.write(tx, id).await
    }
}
