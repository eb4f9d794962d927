//! `doracle explain`: what an error code means and what to do.

use anyhow::Result;

use crate::errors;
use crate::exit::{Outcome, UsageError};
use crate::terminal::Terminal;

pub(crate) fn run(terminal: &Terminal, code: Option<&str>) -> Result<Outcome> {
    let text = match code {
        None => errors::PAGES.iter().flat_map(|(code, _)| [*code, "\n"]).collect(),
        Some(code) => {
            errors::PAGES.iter().find(|(known, _)| *known == code).map(|(_, page)| (*page).to_owned()).ok_or_else(
                || UsageError {
                    message: format!("there is no error code `{code}`"),
                    hint: Some("`doracle explain` lists them".to_owned()),
                },
            )?
        }
    };
    terminal.data(text.as_bytes())?;
    Ok(Outcome::Done)
}
