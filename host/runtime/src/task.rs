//! Tasks: calls that are submitted and answered later. A task starts as soon as its inputs are there.

use std::sync::Arc;

use belljar_engine::capability::HeldObject;
use belljar_engine::wit::Field;
use belljar_engine::{Instance, Method, Value, WitType, codec};
use serde::Serialize;
use serde_json::Value as Json;

use crate::object_ref::{Content, ObjectRef, Returned, Slot};
use crate::objects::StoredObject;
use crate::{Error, Plugin};

/// A call that is being put together.
///
/// ```no_run
/// # async fn example(runtime: belljar::Runtime, words: belljar::Plugin) -> Result<(), belljar::Error> {
/// let text = runtime.put("to be or not to be")?;
/// let count = words.task("count").object(&text).arg("be").submit();
/// assert_eq!(count.get::<u32>().await?, 2);
/// # Ok(())
/// # }
/// ```
#[must_use = "a task does nothing until it is submitted"]
pub struct Task {
    pub(crate) plugin: Plugin,
    pub(crate) label: String,
    method: Arc<str>,
    arguments: Vec<Result<Argument, String>>,
}

/// An argument: a value, or a reference to what another task returns.
pub(crate) enum Argument {
    Json(Json),
    Object(ObjectRef),
}

/// An argument whose value is there.
pub(crate) enum Input {
    Json(Json),
    Content(Content),
}

impl Task {
    pub(crate) fn new(plugin: Plugin, method: &str) -> Task {
        Task { plugin, label: String::new(), method: method.into(), arguments: Vec::new() }
    }

    /// The next argument, as a value.
    pub fn arg(mut self, value: impl Serialize) -> Task {
        self.arguments.push(serde_json::to_value(value).map(Argument::Json).map_err(|error| error.to_string()));
        self
    }

    /// The next argument, as a reference: an `object-ref` parameter gets the object itself, any other parameter the
    /// value that the referenced task returned, without the `ok` of a `result`. The task waits for it.
    pub fn object(mut self, object: &ObjectRef) -> Task {
        self.arguments.push(Ok(Argument::Object(object.clone())));
        self
    }

    /// A name for this piece of work, which its log lines and progress carry.
    pub fn label(mut self, label: impl Into<String>) -> Task {
        self.label = label.into();
        self
    }

    /// Starts the task on a fresh instance and returns a reference to its result at once.
    pub fn submit(self) -> ObjectRef {
        let (reference, slot) = ObjectRef::pending();
        let runtime = self.plugin.runtime().clone();
        runtime.spawn(slot.fill_with(self.run()));
        reference
    }

    async fn run(self) -> Result<Content, Error> {
        let Ready { plugin, label, method, inputs } = self.ready().await?;
        let performed =
            plugin.with_instance(&label, async |instance| perform(instance, &plugin, &method, inputs).await);
        Ok(Content::Value(performed.await?))
    }

    /// Waits for the inputs.
    pub(crate) async fn ready(self) -> Result<Ready, Error> {
        let mut inputs = Vec::with_capacity(self.arguments.len());
        for (at, argument) in self.arguments.into_iter().enumerate() {
            let (method, argument_number) = (self.method.to_string(), at + 1);
            let argument = argument.map_err(|message| Error::Argument {
                method: method.clone(),
                argument: argument_number,
                message,
            })?;
            inputs.push(match argument {
                Argument::Json(json) => Input::Json(json),
                Argument::Object(object) => Input::Content(object.content().await.map_err(|cause| Error::Input {
                    method,
                    argument: argument_number,
                    cause: Arc::new(cause),
                })?),
            });
        }
        Ok(Ready { plugin: self.plugin, label: self.label, method: self.method, inputs })
    }
}

/// A task whose inputs are there.
pub(crate) struct Ready {
    pub plugin: Plugin,
    pub label: String,
    pub method: Arc<str>,
    pub inputs: Vec<Input>,
}

/// A task on its way to a worker.
pub(crate) struct Assigned {
    pub task: Task,
    pub slot: Slot,
}

/// Makes the call on an instance.
pub(crate) async fn perform(
    instance: &mut Instance,
    plugin: &Plugin,
    method: &str,
    inputs: Vec<Input>,
) -> Result<Returned, Error> {
    let component = plugin.component();
    let method = component.method(method)?;
    let arguments = lower(instance, method, inputs)?;
    let result = instance.call_values(&method.name, &arguments).await?;
    lift(instance, plugin, method, result)
}

/// Turns inputs into values of the method's parameters, and gives the instance the objects among them.
fn lower(instance: &mut Instance, method: &Method, inputs: Vec<Input>) -> Result<Vec<Value>, Error> {
    let wrong = |message| {
        let source = codec::CodecError { path: String::new(), message };
        Error::from(belljar_engine::Error::Arguments { method: method.name.clone(), source })
    };
    if inputs.len() != method.params.len() {
        return Err(wrong(format!("{} were given, and it is `{}`", inputs.len(), method.signature())));
    }
    let mut values = Vec::with_capacity(inputs.len());
    for (param, input) in method.params.iter().zip(inputs) {
        let (value, objects) = pass(method, param, input)?;
        objects.into_iter().for_each(|object| instance.give_object(object));
        values.push(value);
    }
    Ok(values)
}

/// Turns an input into a value of a parameter's type, and the objects that it names.
pub(crate) fn pass(method: &Method, param: &Field, input: Input) -> Result<(Value, Vec<Arc<dyn HeldObject>>), Error> {
    let wrong = |message: String| {
        let source = codec::CodecError { path: param.name.clone(), message };
        Error::from(belljar_engine::Error::Arguments { method: method.name.clone(), source })
    };
    let from_json = |json: &Json| codec::from_json(json, &param.ty).map_err(|error| wrong(error.to_string()));
    let object = match input {
        Input::Json(json) => return Ok((from_json(&json)?, Vec::new())),
        Input::Content(Content::Value(returned)) => return Ok((from_json(&returned.unwrapped()?)?, returned.objects)),
        Input::Content(Content::Bytes(object)) => object,
    };
    let value = match &param.ty {
        ty if ty.is_object_ref() => return Ok((object_ref(object.id()), vec![Arc::new(object)])),
        // Each byte becomes a value of its own, which is why bulk data goes as an object.
        WitType::List(inner) if **inner == WitType::U8 && object.size_bytes() > codec::VALUES_MAX as u64 => {
            return Err(wrong(format!(
                "the object has {} bytes, and a list may have {}; take an `object-ref` instead",
                object.size_bytes(),
                codec::VALUES_MAX
            )));
        }
        WitType::List(inner) if **inner == WitType::U8 => {
            Value::List(object.bytes()?.iter().map(|byte| Value::U8(*byte)).collect())
        }
        WitType::String => match str::from_utf8(&object.bytes()?) {
            Ok(text) => Value::String(text.to_owned()),
            Err(error) => return Err(wrong(format!("the object is not UTF-8: {error}"))),
        },
        ty => return Err(wrong(format!("expected {ty}, got an object of bytes"))),
    };
    Ok((value, Vec::new()))
}

/// Keeps what a call returned, and the objects that it names.
fn lift(instance: &Instance, plugin: &Plugin, method: &Method, result: Option<Value>) -> Result<Returned, Error> {
    let json = match (&result, &method.result) {
        (Some(value), Some(ty)) => codec::to_json(value, ty)
            .map_err(|source| Error::from(belljar_engine::Error::Results { method: method.name.clone(), source }))?,
        _ => Json::Null,
    };
    let text = json.to_string();
    let objects = codec::object_ids(&text).into_iter().filter_map(|id| instance.object(id)).collect();
    Ok(Returned {
        plugin: plugin.component().name().into(),
        method: method.name.as_str().into(),
        json: StoredObject::put(plugin.runtime().objects(), text.into_bytes())?,
        is_result: matches!(method.result, Some(WitType::Result(..))),
        objects,
        denial: instance.denial(),
    })
}

/// The value of an object reference.
fn object_ref(id: u64) -> Value {
    Value::Record(vec![(belljar_engine::wit::OBJECT_REF_FIELD.to_owned(), Value::U64(id))])
}
