//! The one thread that works on the index: what it allocates comes from one heap, which it uses again. Over the threads of a
//! pool, each would keep a heap of its own.

use journal::{JournalError, index::Index};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
};
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce(&mut Index) + Send>;

/// Hands jobs to the thread; it ends with the last of these.
pub(super) struct Worker(Sender<Job>);

impl Worker {
    /// Begins. Where no thread can be had, jobs come back as faults.
    pub fn new(index: Index) -> Self {
        let (jobs, queue) = channel();
        if let Err(error) = thread::Builder::new().name("traces".into()).spawn(move || work(index, &queue)) {
            tracing::error!(%error, "traces cannot be searched: no thread can be started");
        }
        Self(jobs)
    }

    /// Has something done with the index. A panic is a fault, and leaves nothing that the next job could not find out: entries
    /// are checked against their rows.
    pub async fn with<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Index) -> T + Send + 'static,
    ) -> Result<T, JournalError> {
        let (done, answer) = oneshot::channel();
        let job: Job = Box::new(move |index| {
            // Whoever asked may have gone.
            let _ = done.send(job(index));
        });
        self.0.send(job).map_err(|_| JournalError::Fault)?;
        answer.await.map_err(|_| JournalError::Fault)
    }
}

fn work(mut index: Index, queue: &Receiver<Job>) {
    while let Ok(job) = queue.recv() {
        if catch_unwind(AssertUnwindSafe(|| job(&mut index))).is_err() {
            tracing::error!("work on the search index ended in a panic");
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use std::sync::Arc;
    use vault::{MasterKey, MonthKeys};

    #[tokio::test]
    async fn a_panic_is_a_fault_and_the_next_job_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let master = MasterKey::create(&folder.path().join("master.key")).unwrap();
        let months = Arc::new(MonthKeys::new(&folder.path().join("vault"), &master).unwrap());
        let (index, journals) = (folder.path().join("index"), folder.path().join("journal"));
        std::fs::create_dir(&journals).unwrap();
        let worker = Worker::new(Index::new(&index, &journals, months, &master).unwrap());
        let broken = worker.with(|_| -> u64 { panic!("on purpose") }).await;
        assert!(matches!(broken, Err(JournalError::Fault)));
        assert_eq!(worker.with(|index| index.progress()).await.unwrap(), (0, 0));
        // One thread does all.
        let one = worker.with(|_| thread::current().id()).await.unwrap();
        assert_eq!(worker.with(|_| thread::current().id()).await.unwrap(), one);
    }
}
