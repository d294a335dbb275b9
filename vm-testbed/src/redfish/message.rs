//! The messages of the Base registry that this service sends. A client may look them up there, so ids, arguments and their order are
//! the registry's.

/// An entry of the registry; `%1` and so on stand in the text for the arguments.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) id: &'static str,
    pub(super) text: &'static str,
    pub(super) resolution: &'static str,
}

impl Message {
    const fn new(id: &'static str, text: &'static str, resolution: &'static str) -> Message {
        Message {
            id,
            text,
            resolution,
        }
    }

    /// With its prefix: registry and version.
    pub(super) fn full_id(&self) -> String {
        format!("Base.1.18.{}", self.id)
    }

    pub(super) fn with(&self, args: &[String]) -> String {
        let numbered = args.iter().enumerate();
        numbered.fold(self.text.to_owned(), |text, (index, arg)| {
            text.replace(&format!("%{}", index + 1), arg)
        })
    }
}

const WITHOUT_PROPERTY: &str =
    "Remove the property from the request body and resubmit the request if the operation failed.";
const OTHER_PROPERTY_VALUE: &str = "Correct the value for the property in the request body and resubmit the request if the operation failed.";
const OTHER_PARAMETER_VALUE: &str = "Correct the value for the parameter in the request body and resubmit the request if the operation failed.";

pub(super) static GENERAL_ERROR: Message =
    Message::new("GeneralError", "A general error has occurred.", "None.");
pub(super) static INTERNAL_ERROR: Message = Message::new(
    "InternalError",
    "The request failed due to an internal service error.  The service is still operational.",
    "Resubmit the request.  If the problem persists, consider resetting the service.",
);
pub(super) static MALFORMED_JSON: Message = Message::new(
    "MalformedJSON",
    "The request body submitted was malformed JSON and could not be parsed by the receiving service.",
    "Ensure that the request body is valid JSON and resubmit the request.",
);
pub(super) static NO_VALID_SESSION: Message = Message::new(
    "NoValidSession",
    "There is no valid session established with the implementation.",
    "Establish a session before attempting any operations.",
);
pub(super) static RESOURCE_MISSING_AT_URI: Message = Message::new(
    "ResourceMissingAtURI",
    "The resource at the URI %1 was not found.",
    "Place a valid resource at the URI or correct the URI and resubmit the request.",
);
pub(super) static RESOURCE_IN_STANDBY: Message = Message::new(
    "ResourceInStandby",
    "The request could not be performed because the resource is in standby.",
    "Ensure that the resource is in the correct power state and resubmit the request.",
);
pub(super) static OPERATION_NOT_ALLOWED: Message = Message::new(
    "OperationNotAllowed",
    "The HTTP method is not allowed on this resource.",
    "Use one of the methods that the Allow header names.",
);
pub(super) static PRECONDITION_FAILED: Message = Message::new(
    "PreconditionFailed",
    "The ETag supplied did not match the ETag required to change this resource.",
    "Try the operation again using the appropriate ETag.",
);
pub(super) static NO_OPERATION: Message = Message::new(
    "NoOperation",
    "The request body submitted contain no data to act upon and no changes to the resource took place.",
    "Add properties in the JSON object and resubmit the request.",
);
pub(super) static QUERY_NOT_SUPPORTED: Message = Message::new(
    "QueryNotSupported",
    "Querying is not supported by the implementation.",
    "Remove the query parameters and resubmit the request if the operation failed.",
);
pub(super) static PROPERTY_MISSING: Message = Message::new(
    "PropertyMissing",
    "The property %1 is a required property and must be included in the request.",
    "Ensure that the property is in the request body and has a valid value and resubmit the request if the operation failed.",
);
pub(super) static PROPERTY_UNKNOWN: Message = Message::new(
    "PropertyUnknown",
    "The property %1 is not in the list of valid properties for the resource.",
    WITHOUT_PROPERTY,
);
pub(super) static PROPERTY_NOT_WRITABLE: Message = Message::new(
    "PropertyNotWritable",
    "The property %1 is a read-only property and cannot be assigned a value.",
    WITHOUT_PROPERTY,
);
pub(super) static PROPERTY_VALUE_TYPE_ERROR: Message = Message::new(
    "PropertyValueTypeError",
    "The value '%1' for the property %2 is not a type that the property can accept.",
    OTHER_PROPERTY_VALUE,
);
pub(super) static PROPERTY_VALUE_NOT_IN_LIST: Message = Message::new(
    "PropertyValueNotInList",
    "The value '%1' for the property %2 is not in the list of acceptable values.",
    "Choose a value from the enumeration list that the implementation can support and resubmit the request if the operation failed.",
);
pub(super) static PROPERTY_VALUE_OUT_OF_RANGE: Message = Message::new(
    "PropertyValueOutOfRange",
    "The value '%1' for the property %2 is not in the supported range of acceptable values.",
    OTHER_PROPERTY_VALUE,
);
pub(super) static ACTION_PARAMETER_MISSING: Message = Message::new(
    "ActionParameterMissing",
    "The action %1 requires the parameter %2 to be present in the request body.",
    "Supply the action with the required parameter in the request body when the request is resubmitted.",
);
pub(super) static ACTION_PARAMETER_NOT_SUPPORTED: Message = Message::new(
    "ActionParameterNotSupported",
    "The parameter %1 for the action %2 is not supported on the target resource.",
    "Remove the parameter supplied and resubmit the request if the operation failed.",
);
pub(super) static ACTION_PARAMETER_VALUE_TYPE_ERROR: Message = Message::new(
    "ActionParameterValueTypeError",
    "The value '%1' for the parameter %2 in the action %3 is not a type that the parameter can accept.",
    OTHER_PARAMETER_VALUE,
);
pub(super) static ACTION_PARAMETER_VALUE_FORMAT_ERROR: Message = Message::new(
    "ActionParameterValueFormatError",
    "The value '%1' for the parameter %2 in the action %3 is not a format that the parameter can accept.",
    OTHER_PARAMETER_VALUE,
);
pub(super) static ACTION_PARAMETER_VALUE_NOT_IN_LIST: Message = Message::new(
    "ActionParameterValueNotInList",
    "The value '%1' for the parameter %2 in the action %3 is not in the list of acceptable values.",
    "Choose a value from the enumeration list that the implementation can support and resubmit the request if the operation failed.",
);
pub(super) static COULD_NOT_ESTABLISH_CONNECTION: Message = Message::new(
    "CouldNotEstablishConnection",
    "The service failed to establish a connection with the URI '%1'.",
    "Ensure that the URI contains a valid and reachable node name, protocol information and other URI components.",
);
