//! Forms: fields with their faults beside them and in a summary, and a form's body as a type.
//!
//! A template imports `public/forms.html` and calls `forms::summary(shell, faults)` and `forms::field(shell, field)`.

use axum::extract::{Form, FromRequest, Request};
use serde::de::DeserializeOwned;

use super::PublicState;
use super::failure::PublicFailure;
use crate::i18n::Message;
use crate::web::Failure;

/// The longest value that a field takes unless it says otherwise, in characters.
const LENGTH_MAX: usize = 200;

/// What is wrong with the values that somebody sent, by field. The empty name is for what no single field is at fault for.
#[derive(Debug, Default)]
pub struct Faults(Vec<Fault>);

/// One thing that is wrong.
#[derive(Debug)]
pub struct Fault {
    /// The field's name in the form; its id is `f-NAME`.
    pub field: &'static str,
    /// What people call the field, where the sentence does not name it.
    pub label: Option<String>,
    /// One sentence that says what to do.
    pub message: String,
}

impl Faults {
    /// Notes a fault: one sentence that says what to do, and of which field, since it also stands in the summary, away from it
    /// (WCAG 2.2, 3.3.1).
    pub fn add(&mut self, field: &'static str, message: Message) {
        self.push(field, None, message);
    }

    /// Notes a fault in a sentence that fits several fields; the summary puts the field's name before it.
    pub fn add_to(&mut self, field: &'static str, label: Message, message: Message) {
        self.push(field, Some(label.to_string()), message);
    }

    fn push(&mut self, field: &'static str, label: Option<String>, message: Message) {
        self.0.push(Fault {
            field,
            label,
            message: message.to_string(),
        });
    }

    /// Whether everything is right.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fault of a field.
    pub fn of(&self, field: &str) -> Option<&str> {
        let found = self.0.iter().find(|fault| fault.field == field);
        found.map(|fault| fault.message.as_str())
    }

    /// Every fault.
    pub fn all(&self) -> &[Fault] {
        &self.0
    }
}

/// One line of input, as a page shows it.
#[derive(Debug)]
pub struct Field {
    /// The name in the form; its id is `f-NAME`.
    pub name: &'static str,
    /// What it is called.
    pub label: String,
    /// What it is for.
    pub hint: Option<String>,
    /// HTML's `type`.
    pub kind: &'static str,
    /// HTML's `autocomplete`: what a browser may fill in by itself.
    pub autocomplete: &'static str,
    /// What stands in it. Never set this for a password.
    pub value: String,
    /// Whether it may not stay empty.
    pub required: bool,
    /// The most characters.
    pub length_max: usize,
    /// What is wrong with it.
    pub fault: Option<String>,
}

impl Field {
    /// A field for text.
    pub fn new(name: &'static str, label: Message) -> Self {
        Self {
            name,
            label: label.to_string(),
            hint: None,
            kind: "text",
            autocomplete: "off",
            value: String::new(),
            required: false,
            length_max: LENGTH_MAX,
            fault: None,
        }
    }

    /// Another kind of input, such as `email`.
    #[must_use]
    pub fn kind(mut self, kind: &'static str, autocomplete: &'static str) -> Self {
        self.kind = kind;
        self.autocomplete = autocomplete;
        self
    }

    /// What it is for.
    #[must_use]
    pub fn hint(mut self, hint: Message) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// It may not stay empty.
    #[must_use]
    pub fn required(mut self, required: bool) -> Self {
        self.required = required;
        self
    }

    /// The most characters.
    #[must_use]
    pub fn length_max(mut self, length_max: usize) -> Self {
        self.length_max = length_max;
        self
    }

    /// What was sent, and what is wrong with it.
    #[must_use]
    pub fn sent(mut self, value: &str, faults: &Faults) -> Self {
        value.clone_into(&mut self.value);
        self.fault = faults.of(self.name).map(ToOwned::to_owned);
        self
    }
}

/// The body of a form. One that does not fit the type is refused within the site's frame; give the type
/// `#[serde(deny_unknown_fields)]`.
#[derive(Clone, Copy, Debug)]
pub struct Posted<T>(pub T);

impl<T: DeserializeOwned> FromRequest<PublicState> for Posted<T> {
    type Rejection = PublicFailure;

    async fn from_request(request: Request, state: &PublicState) -> Result<Self, PublicFailure> {
        match Form::<T>::from_request(request, state).await {
            Ok(Form(form)) => Ok(Self(form)),
            Err(rejection) => Err(Failure::invalid("", rejection.body_text()).into()),
        }
    }
}
