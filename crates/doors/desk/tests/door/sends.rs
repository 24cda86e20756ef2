//! What is sent to each route, good for once, and what there is to send it about.

use crate::{
    HERE,
    house::{House, equipment},
    people::{self, ADDRESS, Answer, FORM, Member, PASSWORD, client, form, rp},
    table::{Entry, Names, PURPOSE},
};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use demo::SoftPasskey;
use identity::{Authenticated, EnvelopeCode, TotpSecret};
use interventions::{
    Activity, ChannelKind, ChannelSummary, EndReason, Ending, NewRequest, Opened, Right, SessionAsked, Signed, Signer,
    TermsKind, TermsToSign,
};
use journal::retention::{Change, Statement};
use policy::{Facts, Policies};
use serde_json::{Value, json};
use signin::{BreakGlassReason, NewAccount, NewBreakGlass, RightSigned};
use types::{
    AccountId, Door, Family, IdentityProof, InterventionId, RelayId, Role, Secret, SessionId, SystemActor, Time,
    TokenScope,
};

pub const REASON: &str = "{\"reason\":\"essai\"}";

/// The body of a request.
#[derive(Debug, Clone, Copy)]
pub enum Sends {
    Nothing,
    /// Why, in a form; and that he is sure, where the desk would ask.
    Reason,
    /// What a program says, whatever it is about.
    Json(&'static str),
    /// An end so many minutes from now; the node's own signer signs.
    Until(i64),
    /// The same signatures as the pages' forms send them.
    Approval,
    Extension,
    Hold,
    Vouching,
    /// A machine, as the form has it.
    Machine,
    /// The same with its signature.
    SignedEquipment,
    /// The same for programs.
    NewTarget,
    TargetTerms,
    Supplier,
    /// A passkey that the browser has just made.
    Registration,
    NewToken,
    /// A search under a name.
    SavedSearch,
    /// Months that must stay.
    LegalHold,
    /// The first administrator's account.
    Enrolment,
    /// Somebody to open an account for, who will decide over others.
    SignedInvitation,
    /// How an identity was verified, of somebody who decides over others.
    SignedProof,
    /// Where an account's mail goes.
    Address,
    /// Who somebody is.
    Corrected,
    /// The link that the account's page shows.
    DrawnLink,
    /// The same, with the signature of whoever confirms it.
    SignedLink,
    /// How long sessions last and how many one person may have.
    SessionRules,
    /// Why an account is suspended.
    Away,
    /// A break-glass account to be opened.
    BreakGlass,
    /// The envelope that the page of break-glass accounts shows.
    DrawnEnvelope,
    /// What was found of a session that envelopes opened.
    Found,
    /// That somebody is there who is to be handed a printed sheet.
    Handed,
    /// The printed sheet that the account's page shows.
    PrintedSheet,
}

impl Sends {
    pub async fn body(self, house: &House, owner: &Visitor, id: &str) -> String {
        let login = owner.login;
        match self {
            Self::Nothing => String::new(),
            Self::Reason => form(&[("reason", "essai"), ("sure", "1")]),
            Self::Json(text) => text.to_owned(),
            Self::Until(minutes) => json!({ "until": web::when::machine(house.clock.minutes(minutes)) }).to_string(),
            Self::Approval => house.signed(login, id, TermsKind::Approve).await,
            Self::Extension => {
                let until = house.clock.minutes(120);
                with_end(until, house.signed(login, id, TermsKind::Extend { until }).await)
            }
            Self::Hold => {
                let until = house.clock.minutes(30);
                with_end(until, house.signed(login, id, TermsKind::Hold { until }).await)
            }
            Self::Vouching => {
                let who = house.signed_in(owner).await;
                let credential = BASE64URL_NOPAD.decode(id.as_bytes()).unwrap();
                let to_sign = house.desk.vouch_terms(&who, &credential).await.unwrap();
                house.signature(login, &to_sign)
            }
            Self::Machine => house.machine(&house.new_name()),
            Self::SignedEquipment => house.signed_machine(login).await,
            Self::NewTarget => {
                let name = house.new_name();
                let (who, new) = (house.at_desk(login).await, equipment(&name, house.accounts["beneficiary"]));
                let id = house.desk.equipment_terms(&who, None, &new).await.unwrap().0.to_string();
                json!({ "id": id, "target": house.target(&name), "password": "motdepasse" }).to_string()
            }
            Self::TargetTerms => json!({ "target": house.target(&house.new_name()) }).to_string(),
            Self::Supplier => form(&[("name", &house.new_name())]),
            Self::Registration => house.registration(owner).await,
            Self::NewToken => {
                form(&[("label", "GMAO"), ("scope", "interventions:read"), ("days", "30"), ("sources", "")])
            }
            Self::SavedSearch => form(&[("name", "Refus du mois"), ("search", "go=1&type=access&period=month")]),
            Self::LegalHold => {
                form(&[("what", "hold"), ("family", ""), ("from", "2026-01"), ("to", "2026-02"), ("reason", "enquête")])
            }
            Self::SignedInvitation => {
                house.signed_form(owner, "/fr/accounts", &invitation(&house.new_name(), "beneficiary")).await
            }
            Self::SessionRules => form(&[("idle", "15"), ("longest", "480"), ("at_once", "several")]),
            Self::SignedProof => {
                house.signed_form(owner, &format!("/fr/accounts/{id}/link"), &[("proof", "in_person")]).await
            }
            Self::Corrected => form(&[("given_name", "Camille"), ("family_name", "Martin"), ("proof", "in_person")]),
            Self::Address => form(&[("mail", "camille.durand@hopital.example")]),
            Self::DrawnLink => form(&[("link", &house.link_of(id).await)]),
            Self::SignedLink => {
                let link = house.link_of(id).await;
                house.signed_form(owner, &format!("/fr/accounts/{id}/link/confirm"), &[("link", &link)]).await
            }
            Self::Away => form(&[("reason", "absence")]),
            Self::BreakGlass => form(&[("name", "Secours"), ("login", &self::login(house)), ("role", "on_call")]),
            Self::DrawnEnvelope => {
                let who = house.administrator().await;
                let all = house.managed.break_glass(&who).await.unwrap();
                let one = all.iter().find(|one| one.account.account.to_string() == id);
                let waits = one.and_then(|one| one.envelopes.waits.as_ref());
                form(&[("envelopes", &waits.map(|waits| waits.id.to_string()).unwrap_or_default())])
            }
            Self::Handed => form(&[("proof", "in_person"), ("sheet", "")]),
            Self::PrintedSheet => {
                let who = house.administrator().await;
                let sheets = house.managed.one(&who, id.parse().unwrap()).await.unwrap().sheets;
                let waits = sheets.and_then(|kept| kept.waits);
                form(&[("sheet", &waits.map(|waits| waits.id.to_string()).unwrap_or_default())])
            }
            Self::Found => form(&[("words", "Vanne fermée, rien d’autre")]),
            Self::Enrolment => {
                let named = ["login", "name", "password", "totp_secret", "code"].map(|name| (name, "essai"));
                form(&[&named[..], &[("client_data_json", ""), ("attestation_object", "")]].concat())
            }
        }
    }
}

/// What the form to open an account sends.
pub fn invitation<'f>(login: &'f str, role: &'f str) -> [(&'f str, &'f str); 9] {
    [
        ("given_name", "Camille"),
        ("family_name", "Durand"),
        ("login", login),
        ("role", role),
        ("supplier", ""),
        ("profession", ""),
        ("rpps", ""),
        ("proof", "in_person"),
        ("mail", ""),
    ]
}

fn login(house: &House) -> String {
    format!("secours-{}", house.journal.entries())
}

fn with_end(until: Time, signature: String) -> String {
    [form(&[("until", &until.micros().to_string())]), signature].join("&")
}

impl House {
    /// The fields of a signature, as the page's script fills them in.
    fn signature(&self, login: &str, to_sign: &TermsToSign) -> String {
        let made = self.keychain.sign(self.accounts[login], &to_sign.challenge).unwrap();
        let bytes = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        form(&[
            ("nonce", &to_sign.nonce),
            ("credential", &bytes(&made.credential)),
            ("client_data_json", &bytes(&made.client_data_json)),
            ("authenticator_data", &bytes(&made.authenticator_data)),
            ("signature", &bytes(&made.signature)),
        ])
    }

    async fn signed(&self, login: &'static str, id: &str, kind: TermsKind) -> String {
        let who = self.at_desk(login).await;
        let to_sign = self.desk.terms(&who, id.parse().unwrap(), kind).await.unwrap();
        self.signature(login, &to_sign)
    }

    fn new_name(&self) -> String {
        format!("machine-{}", self.journal.entries())
    }

    fn machine(&self, name: &str) -> String {
        let new = equipment(name, self.accounts["beneficiary"]);
        form(&[
            ("id", ""),
            ("name", name),
            ("location", &new.location),
            ("host", &new.host),
            ("port", "22"),
            ("host_key", &new.host_key),
            ("account", &new.account),
            ("beneficiary", &new.beneficiaries[0].to_string()),
            ("quorum", "1"),
        ])
    }

    async fn signed_machine(&self, login: &'static str) -> String {
        let name = self.new_name();
        let who = self.at_desk(login).await;
        let new = equipment(&name, self.accounts["beneficiary"]);
        let (id, to_sign) = self.desk.equipment_terms(&who, None, &new).await.unwrap();
        let machine = self.machine(&name).replacen("id=&", &format!("id={id}&"), 1);
        let secret = form(&[("secret_kind", "password"), ("secret", "motdepasse")]);
        [machine, secret, self.signature(login, &to_sign)].join("&")
    }

    fn target(&self, name: &str) -> Value {
        let new = equipment(name, self.accounts["beneficiary"]);
        let beneficiaries = [self.accounts["beneficiary"].to_string()];
        json!({
            "name": name, "location": new.location, "host": new.host, "port": 22, "host_key": new.host_key,
            "account": new.account, "beneficiaries": beneficiaries, "quorum": 1,
        })
    }

    /// A form, with the signature that the page which it leads to asks this visitor for.
    async fn signed_form(&self, owner: &Visitor, path: &str, fields: &[(&str, &str)]) -> String {
        let (login, cookie, csrf) = (owner.login.to_owned(), owner.cookie.clone(), owner.csrf.clone());
        let member = Member { house: self, login, cookie, csrf };
        let signature = member.signature(&member.send(path, fields).await);
        let signature: Vec<(&str, &str)> = signature.iter().map(|(name, value)| (*name, value.as_str())).collect();
        form(&[fields, &signature].concat())
    }

    async fn link_of(&self, account: &str) -> String {
        let who = self.administrator().await;
        let link = self.managed.one(&who, account.parse().unwrap()).await.unwrap().seen.link;
        link.map(|link| link.id.to_string()).unwrap_or_default()
    }

    /// A new passkey, for the challenge that this session's page holds at present.
    async fn registration(&self, owner: &Visitor) -> String {
        let member = Member { house: self, login: String::new(), cookie: owner.cookie.clone(), csrf: String::new() };
        let page = member.get("/fr/means").await.text;
        let challenge = page.split("data-challenge=\"").nth(1).unwrap().split('"').next().unwrap();
        let challenge = BASE64URL_NOPAD.decode(challenge.as_bytes()).unwrap();
        let made = SoftPasskey::draw().unwrap().0.register(&rp().id, &rp().origin, &challenge);
        form(&[
            ("label", "Téléphone"),
            ("client_data_json", &BASE64URL_NOPAD.encode(&made.client_data_json)),
            ("attestation_object", &BASE64URL_NOPAD.encode(&made.attestation_object)),
        ])
    }

    /// The identifier of something new of this hospital's, for its beneficiary to decide about.
    pub async fn made(&self, names: Names) -> String {
        match names {
            Names::Nobody => String::new(),
            Names::Equipment => self.scanner.to_string(),
            Names::Journal => "node".to_owned(),
            Names::Population => "staff".to_owned(),
            Names::Token => {
                let new = self.new_token(&[TokenScope::RulesRead], &[]);
                let issued = self.tokens.issue_as(SystemActor::Demo, self.accounts["beneficiary"], new).await;
                issued.unwrap().0.to_string()
            }
            Names::Passkey => {
                // Nobody's who visits: his sessions end with it.
                let holder = self.account(Role::Beneficiary).await;
                let (_, record) = people::passkey(&self.enrolment, holder).await;
                BASE64URL_NOPAD.encode(&record.public.credential)
            }
            Names::Saved => {
                let who = self.controller().await;
                self.searches().save(&who, "À oublier", "go=1").await.unwrap().to_string()
            }
            Names::Proposal => HEXLOWER.encode(&self.proposal().await),
            Names::Account => self.account(Role::Beneficiary).await.to_string(),
            Names::Reached => self.account(Role::OnCall).await.to_string(),
            Names::Drawn => {
                let account = self.account(Role::SecurityOfficer).await;
                let who = self.administrator().await;
                let what = (IdentityProof::InPerson, None);
                let right = self.managed.draw_terms(&who, account, what).await.unwrap().unwrap();
                let made = self.keychain.sign(self.accounts["administrator"], &right.terms.challenge).unwrap();
                let signed = RightSigned { nonce: right.terms.nonce, assertion: made };
                self.managed.draw_signed_link(&who, account, what, signed).await.unwrap();
                account.to_string()
            }
            Names::Enveloped => {
                let new = NewBreakGlass { name: "Secours".into(), login: login(self), role: Role::OnCall };
                let opened = self.managed.open_break_glass(&self.administrator().await, new).await;
                opened.unwrap().0.to_string()
            }
            Names::OfPatient => self.account(Role::Patient).await.to_string(),
            Names::Printed => {
                let account = self.account(Role::Patient).await;
                let who = self.administrator().await;
                self.managed.draw_sheet(&who, account, (IdentityProof::InPerson, None)).await.unwrap();
                account.to_string()
            }
            Names::Used => self.used().await.to_string(),
            Names::Session => self.session().await.to_string(),
            Names::Recorded => self.recorded().await.to_string(),
            Names::Waiting | Names::Planned | Names::Open | Names::Held => self.intervention(names).await.to_string(),
        }
    }

    /// What another trace controller asked for; what he asked for before is taken back, so that not too much waits.
    async fn proposal(&self) -> [u8; 16] {
        let (who, policies) = (self.controller().await, Policies::built_in().unwrap());
        let (now, facts, by) = (self.journal.now(), Facts::default(), [7; 16]);
        for one in self.journal.keeping().await.unwrap().book.proposals(now).filter(|one| one.by == by) {
            let statement = Statement::Withdrawn { id: one.id, by }.encode();
            let proof = policies.decide(&who, policy::WithdrawRetention { statement }, &facts, now).unwrap();
            self.journal.declare(proof).await.unwrap().unwrap();
        }
        let change = Change::Retention { family: Family::Access, months: 24 };
        let id = vault::random().unwrap();
        let statement = Statement::Proposed { id, by, change }.encode();
        let asked = policy::AskRetention { reason: "audit".into(), statement };
        let proof = policies.decide(&who, asked, &facts, now).unwrap();
        self.journal.declare(proof).await.unwrap().unwrap();
        id
    }

    /// A new account of this hospital, in use.
    pub async fn account(&self, role: Role) -> AccountId {
        let new = NewAccount {
            login: format!("compte-{}", self.journal.entries()),
            display_name: "Personne de passage".into(),
            role,
            supplier: None,
            password: Secret::new(PASSWORD.into()),
            totp: TotpSecret::from_bytes([9; 20]),
        };
        self.enrolment.account(HERE, new).await.unwrap()
    }

    /// The administrator, who has shown both factors: the same session again while it lasts.
    async fn administrator(&self) -> Authenticated {
        const HELD: &str = "administrator's session";
        let held = self.held.lock().unwrap().get(HELD).cloned();
        if let Some(cookie) = held
            && let Ok(who) = self.signin.resume(&cookie, client(ADDRESS)).await
        {
            return who.authenticated;
        }
        let cookie = self.both_factors("administrator").await;
        let who = self.signin.resume(&cookie, client(ADDRESS)).await.unwrap();
        self.held.lock().unwrap().insert(HELD, cookie);
        who.authenticated
    }

    /// A session at the desk.
    async fn both_factors(&self, login: &str) -> String {
        let address = client(ADDRESS);
        let ceremony = self.signin.first_step(login, Secret::new(PASSWORD.into()), address).await.unwrap();
        self.signin.second_step(&ceremony, &self.code(login), address).await.unwrap().cookie
    }

    /// A session that envelopes opened: the administrator drew one, the security officer the other.
    async fn used(&self) -> SessionId {
        let new = NewBreakGlass { name: "Secours".into(), login: login(self), role: Role::OnCall };
        let (account, one) = self.managed.open_break_glass(&self.administrator().await, new).await.unwrap();
        let officer = self.both_factors("security_officer").await;
        let officer = self.signin.resume(&officer, client(ADDRESS)).await.unwrap().authenticated;
        let two = self.managed.confirm_envelopes(&officer, account, one.id).await.unwrap();
        let [first, second] = [&one, &two].map(|one| EnvelopeCode::typed(one.code.expose(), one.of).unwrap());
        let (address, why) = (client(ADDRESS), BreakGlassReason::read("Annuaire muet, essai de nuit").unwrap());
        let ceremony = self.signin.first_envelope(&one.login, &first, address).await.unwrap();
        self.signin.second_envelope(&ceremony, (&second, &why), (address, "")).await.unwrap().session
    }

    /// A trace controller who has shown both factors.
    async fn controller(&self) -> Authenticated {
        let cookie = self.both_factors("trace_controller").await;
        self.signin.resume(&cookie, client(ADDRESS)).await.unwrap().authenticated
    }

    /// The value of the cookie of the technician's session at this door.
    async fn technicians_session(&self, door: Door) -> String {
        let held = self.held.lock().unwrap().get(door.as_str()).cloned();
        if let Some(cookie) = held {
            return cookie;
        }
        let (login, address) = ("technician", client(ADDRESS));
        let signin = self.signin_of(door);
        let ceremony = signin.first_step(login, Secret::new(PASSWORD.into()), address).await.unwrap();
        let cookie = signin.second_step(&ceremony, &self.code(login), address).await.unwrap().cookie;
        self.held.lock().unwrap().insert(door.as_str(), cookie.clone());
        cookie
    }

    /// Somebody with two factors, as the desk's services know him.
    async fn signed_in(&self, who: &Visitor) -> Authenticated {
        let (_, value) = who.cookie.as_deref().unwrap().split_once('=').unwrap();
        self.signin.resume(value, client(ADDRESS)).await.unwrap().authenticated
    }

    pub async fn suppliers_session(&self) -> String {
        self.technicians_session(Door::Suppliers).await
    }

    fn signin_of(&self, door: Door) -> &signin::SignInService {
        if door == Door::Relays { &self.relays_signin } else { &self.suppliers_signin }
    }

    async fn technician(&self, door: Door) -> Authenticated {
        let cookie = self.technicians_session(door).await;
        self.signin_of(door).resume(&cookie, client(ADDRESS)).await.unwrap().authenticated
    }

    async fn intervention(&self, names: Names) -> InterventionId {
        let new = NewRequest {
            equipment: self.scanner,
            technicians: vec![self.accounts["technician"]],
            activity: Activity::Maintenance,
            purpose: PURPOSE.into(),
            ticket: None,
            rights: vec![Right::Shell],
            sources: Vec::new(),
            from: self.clock.minutes(-1),
            until: self.clock.minutes(60),
        };
        let id = self.suppliers.request(&self.technician(Door::Suppliers).await, new).await.unwrap();
        let who = self.at_desk("beneficiary").await;
        if names != Names::Waiting {
            self.desk.approve(&who, id, Signed::Here).await.unwrap();
        }
        if matches!(names, Names::Open | Names::Held) {
            self.desk.open(&who, id).await.unwrap();
        }
        if names == Names::Held {
            self.desk.hold(&who, id, self.clock.minutes(30), Signed::Here).await.unwrap();
        }
        id
    }

    async fn connected(&self) -> Opened {
        self.intervention(Names::Planned).await;
        let (key, _) = identity::SshPublicKey::from_line(&people::key_line(1)).unwrap();
        let asked =
            SessionAsked { fingerprint: key.fingerprint(), address: client(ADDRESS), target: "scanner-1".into() };
        let who = self.technician(Door::Relays).await;
        self.relays.gate().open_session(who, asked).await.unwrap_or_else(|why| panic!("{why}"))
    }

    async fn session(&self) -> RelayId {
        let opened = self.connected().await;
        let relay = opened.relay;
        self.running.lock().unwrap().push(opened);
        relay
    }

    async fn recorded(&self) -> RelayId {
        let opened = self.connected().await;
        let recording = opened.recorder.terminal(1, (80, 24), "xterm").await.unwrap();
        recording.output(b"bonjour").await.unwrap();
        recording.finish(Some(0)).await.unwrap();
        let channel = ChannelSummary {
            number: 1,
            kind: ChannelKind::Terminal,
            command: None,
            bytes_in: 10,
            bytes_out: 20,
            sha256_in: None,
            sha256_out: None,
            exit_status: Some(0),
            recording: true,
            files: Vec::new(),
            files_more: 0,
        };
        let ending = Ending {
            reason: EndReason::Technician,
            note: String::new(),
            bytes_in: 10,
            bytes_out: 20,
            channels: vec![channel],
        };
        drop(opened.lease);
        self.relays.gate().close_session(opened.relay, ending).await;
        opened.relay
    }

    /// Signed in, and with a token that is good for everything.
    pub async fn visitor(&self, login: &'static str) -> Visitor {
        let member = self.sign_in(login).await;
        let (cookie, csrf) = (member.cookie, member.csrf);
        Visitor { login, cookie, csrf, token: Some(self.token(login, TokenScope::ALL).await), address: ADDRESS }
    }
}

/// Somebody with all that he shows, at pages and at the interface alike.
#[derive(Clone)]
pub struct Visitor {
    pub login: &'static str,
    pub cookie: Option<String>,
    pub csrf: String,
    pub token: Option<String>,
    pub address: [u8; 4],
}

impl Entry {
    /// Asked by somebody, with what he has: a cookie where pages hear it, a token where programs are heard.
    pub async fn asked(&self, house: &House, (id, body): (&str, &str), who: &Visitor) -> Answer {
        let mut body = body.to_owned();
        let mut headers = Vec::new();
        if self.line.contains(" /api/") {
            headers.push(("content-type", "application/json"));
        } else {
            headers.extend([("sec-fetch-site", "same-origin"), FORM]);
            body = [form(&[("csrf", &who.csrf)]), body].join("&");
        }
        headers.extend(who.cookie.as_deref().map(|cookie| ("cookie", cookie)));
        headers.extend(who.token.as_deref().map(|token| ("authorization", token)));
        if self.is_read() {
            body.clear();
        }
        house.ask_from(who.address, &self.line(id), &headers, body).await
    }
}
