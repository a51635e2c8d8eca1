//! From a table's rows to facts: which columns, and what a row says.

use wsaudit_verifier::facts::Fact;
use wsaudit_verifier::rules::FactsDef;

use crate::error::FactsError;

/// The columns of a table that say what is owned, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Columns {
    /// Where the resource's id is, counted from 0.
    pub(crate) resource: usize,
    /// Where the owner's id is.
    pub(crate) owner: usize,
    resource_name: String,
    owner_name: String,
}

impl Columns {
    /// Those that the pack names; where it names none, the first and the second.
    pub(crate) fn of(names: &[String], table: &FactsDef, origin: &str) -> Result<Self, FactsError> {
        if names.len() < 2 {
            return Err(FactsError::TooFewColumns {
                origin: origin.to_owned(),
                columns: match names {
                    [] => "none".to_owned(),
                    names => format!("`{}`", names.join("`, `")),
                },
            });
        }
        let find =
            |wanted: Option<&str>, default| match wanted {
                None => Ok(default),
                Some(wanted) => names.iter().position(|name| name == wanted).ok_or_else(|| {
                    FactsError::NoColumn {
                        origin: origin.to_owned(),
                        wanted: wanted.to_owned(),
                        columns: names.join(", "),
                    }
                }),
            };
        let resource = find(table.resource.as_deref(), 0)?;
        let owner = find(table.owner.as_deref(), 1)?;
        Ok(Self {
            resource,
            owner,
            resource_name: names[resource].clone(),
            owner_name: names[owner].clone(),
        })
    }

    /// What the row at `place` says. One without an owner says nothing; one without a resource is an
    /// error.
    pub(crate) fn fact(
        &self,
        resource: &str,
        owner: &str,
        place: impl FnOnce() -> String,
    ) -> Result<Option<Fact>, FactsError> {
        if resource.is_empty() {
            return Err(FactsError::NoResource {
                place: place(),
                column: self.resource_name.clone(),
            });
        }
        Ok((!owner.is_empty()).then(|| Fact {
            resource: resource.to_owned(),
            owner: owner.to_owned(),
            origin: place(),
        }))
    }

    /// The name of the column at `index`, one of the two.
    pub(crate) fn name(&self, index: usize) -> &str {
        if index == self.resource {
            &self.resource_name
        } else {
            &self.owner_name
        }
    }
}
