//! The pages between a stranger and a session: plain data in, HTML out. Nothing here reads a clock, a file or a service.

mod advice;
mod code;
mod envelopes;
mod link;
mod means;
mod other;
mod passkey;
mod session;
mod sheet;
mod then;
mod welcome;

pub use advice::Advice;
pub use code::{CodeStep, CodeStepView};
pub use envelopes::{EnvelopeProblem, FirstEnvelope, FirstEnvelopeView, SecondEnvelope, SecondEnvelopeView};
pub use link::{Link, LinkDone, LinkEarly, LinkProblem, LinkView, LinkWaits};
pub use means::{AccountChanged, AccountProblem, Codes, SecondFactor, SecondFactorView, refused_password};
pub use other::{Disowned, Other, OtherView, OtherWhy, TooLate};
pub use passkey::{Again, AgainView, AskedFor, OwnPasskeys, PasskeyEnrolling, PasskeyForm};
pub use session::{Session, SessionView, SignedOut};
pub use sheet::short_of_codes;
pub use then::{PagePath, Then};
pub use welcome::{SignInProblem, Welcome, WelcomeView};
