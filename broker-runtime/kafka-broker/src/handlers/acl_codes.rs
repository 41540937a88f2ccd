//! Access control lists and filters between Kafka's codes on the wire and ours.

use kafka_codec::{ErrorCode, StrBytes};
use kafka_metadata::acl::{
    AclBinding, AclFilter, AclOperation, AclPatternType, AclPermission, AclResourceType, PatternFilter,
};

/// Kafka's code for "whichever" in a filter.
const ANY: i8 = 1;
/// Kafka's code for "the patterns that a resource of this name falls under".
const MATCH: i8 = 2;

/// The codes and names of a list or a filter, as requests have them.
pub(super) struct Wire<'a> {
    pub(super) resource_type: i8,
    pub(super) resource_name: Option<&'a StrBytes>,
    pub(super) pattern_type: i8,
    pub(super) principal: Option<&'a StrBytes>,
    pub(super) host: Option<&'a StrBytes>,
    pub(super) operation: i8,
    pub(super) permission: i8,
}

/// Why something is no list or no filter.
pub(super) type Refusal = (ErrorCode, String);

impl Wire<'_> {
    /// As a filter.
    pub(super) fn filter(&self) -> Result<AclFilter, Refusal> {
        let text = |text: Option<&StrBytes>| text.map(ToString::to_string);
        Ok(AclFilter {
            resource_type: any_or(self.resource_type, AclResourceType::from_code, "resource type")?,
            resource_name: text(self.resource_name),
            pattern_type: match self.pattern_type {
                ANY => PatternFilter::Any,
                MATCH => PatternFilter::Match,
                code => PatternFilter::Exactly(one(code, AclPatternType::from_code, "pattern type")?),
            },
            principal: text(self.principal),
            host: text(self.host),
            operation: any_or(self.operation, AclOperation::from_code, "operation")?,
            permission: any_or(self.permission, AclPermission::from_code, "permission type")?,
        })
    }

    /// As a list to create. The controller checks the rest.
    pub(super) fn binding(&self) -> Result<AclBinding, Refusal> {
        let text = |text: Option<&StrBytes>| text.map(ToString::to_string).unwrap_or_default();
        Ok(AclBinding {
            resource_type: one(self.resource_type, AclResourceType::from_code, "resource type")?,
            resource_name: text(self.resource_name),
            pattern_type: one(self.pattern_type, AclPatternType::from_code, "pattern type")?,
            principal: text(self.principal),
            host: text(self.host),
            operation: one(self.operation, AclOperation::from_code, "operation")?,
            permission: one(self.permission, AclPermission::from_code, "permission type")?,
        })
    }
}

/// A code that stands for one thing.
fn one<T>(code: i8, from_code: impl Fn(i8) -> Option<T>, what: &str) -> Result<T, Refusal> {
    from_code(code).ok_or_else(|| (ErrorCode::InvalidRequest, format!("Invalid {what} {code}")))
}

/// A code that may stand for all of them.
fn any_or<T>(code: i8, from_code: impl Fn(i8) -> Option<T>, what: &str) -> Result<Option<T>, Refusal> {
    if code == ANY {
        return Ok(None);
    }
    one(code, from_code, what).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(resource_type: i8, pattern_type: i8) -> Wire<'static> {
        Wire {
            resource_type,
            resource_name: None,
            pattern_type,
            principal: None,
            host: None,
            operation: 3,
            permission: 3,
        }
    }

    #[test]
    fn whichever_is_for_filters_only() {
        let filter = wire(1, 2).filter().unwrap();
        assert_eq!(
            (filter.resource_type, filter.pattern_type),
            (None, PatternFilter::Match)
        );
        assert_eq!(filter.operation, Some(AclOperation::Read));
        assert_eq!(wire(2, 2).binding().unwrap_err().0, ErrorCode::InvalidRequest);
        assert_eq!(wire(1, 3).binding().unwrap_err().0, ErrorCode::InvalidRequest);
        assert_eq!(wire(2, 4).binding().unwrap().pattern_type, AclPatternType::Prefixed);
        for (resource_type, pattern_type) in [(0, 3), (9, 3), (2, 0), (2, 5), (-1, 3)] {
            wire(resource_type, pattern_type).filter().unwrap_err();
        }
    }
}
