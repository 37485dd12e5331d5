//! What people ask of imports, one or many: to halt, to stop, to go on, to try again.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use bucketload_archive::MoveError;
use bucketload_model::ImportId;
use bucketload_worker::queue::{Ask, Asker};
use url::form_urlencoded;

use super::filter::Chosen;
use crate::error::PageError;
use crate::pages;
use crate::security::local_path::local_path;
use crate::service::App;
use crate::session::{Member, Person};

/// Imports that one form asks something of.
const MOST: u32 = 10_000;

/// The form.
#[derive(Debug)]
struct Wanted {
    ask: Ask,
    /// These; or, without a word of them, all that the filter lets through.
    imports: Option<Vec<ImportId>>,
    chosen: Chosen,
    back: String,
}

impl Wanted {
    fn read(form: &[u8]) -> Result<Self, PageError> {
        let mut ask = None;
        let mut imports = Vec::new();
        let mut is_all = false;
        let mut back = "/imports".to_owned();
        for (name, value) in form_urlencoded::parse(form) {
            match &*name {
                "ask" => ask = Ask::ALL.into_iter().find(|ask| ask.name() == value),
                "import" => imports.push(
                    value
                        .parse()
                        .map_err(|_| PageError::unusable("Choose imports of the list."))?,
                ),
                "all" => is_all = true,
                "back" => back = local_path(&value),
                _ => {}
            }
        }
        let ask = ask.ok_or_else(|| PageError::unusable("Choose what to do."))?;
        if imports.is_empty() && !is_all {
            return Err(PageError::unusable("Choose at least one import."));
        }
        Ok(Self {
            ask,
            imports: (!is_all).then_some(imports),
            chosen: Chosen {
                before: None,
                ..Chosen::read(form)
            },
            back,
        })
    }
}

/// Who asks, as the queue knows them.
pub(crate) fn asker(person: &Person) -> Asker {
    Asker {
        user: Some(person.user.id),
        name: person.user.display_name.clone(),
    }
}

/// Asks the same of all imports of the form. Those for which it makes no sense are named,
/// unless all that match were meant: then it is for those for which it does.
pub(crate) async fn submit(
    State(app): State<App>,
    Member(person): Member,
    form: Bytes,
) -> Result<Response, PageError> {
    let wanted = Wanted::read(&form)?;
    let is_all = wanted.imports.is_none();
    let imports = match wanted.imports {
        Some(imports) => imports,
        None => app.matching(wanted.chosen.filter(None), MOST).await?,
    };
    let queue = app.queue.clone().asked_by(asker(&person));
    let answers = queue.ask_each(&imports, wanted.ask).await?;
    app.events.look_now();
    let refused: Vec<(ImportId, MoveError)> = imports
        .iter()
        .zip(answers)
        .filter_map(|(import, answer)| Some((*import, answer.err()?)))
        .collect();
    if refused.is_empty() || (is_all && refused.len() < imports.len()) {
        return Ok(Redirect::to(&wanted.back).into_response());
    }
    let page = pages::refused::page(&person, wanted.ask, imports.len(), &refused, &wanted.back);
    Ok(page.into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_says_what_and_of_which() {
        let id = "0192d0c0-0000-7000-8000-000000000001";
        let form = format!("ask=pause&import={id}&back=%2Fimports%3Fq%3Dx&import={id}");
        let wanted = Wanted::read(form.as_bytes()).unwrap();
        assert_eq!(wanted.ask, Ask::Pause);
        assert_eq!(wanted.imports.unwrap().len(), 2);
        assert_eq!(wanted.back, "/imports?q=x");
        let all = Wanted::read(b"ask=cancel&all=1&state=failed&back=//evil.example").unwrap();
        assert!(all.imports.is_none());
        assert_eq!(all.chosen.states.len(), 1);
        assert_eq!(all.back, "/");
        for bad in [
            "",
            "ask=pause",
            "import=x&ask=pause",
            "ask=eat&all=1",
            &format!("import={id}"),
        ] {
            assert!(Wanted::read(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
