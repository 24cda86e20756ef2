//! The pages between a stranger and a session: plain data in, HTML out. Nothing here reads a clock, a file or a service.

mod code;
mod session;
mod welcome;

pub use code::{CodeStep, CodeStepView};
pub use session::{Session, SessionView, SignedOut};
pub use welcome::{SignInProblem, Welcome, WelcomeView};
