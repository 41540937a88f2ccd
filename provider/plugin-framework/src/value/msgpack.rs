//! msgpack as go-cty writes it: driven by the type, unknowns as extensions, large numbers as decimal text.

use std::collections::BTreeMap;

use rmp::{Marker, decode, encode};

use super::{Number, Refinements, Type, Value, ValueError};

/// How deep values may be nested; deeper ones are hostile.
const DEPTH: u32 = 64;
/// Extension type of a refined unknown value.
const REFINED: i8 = 12;

fn error(what: impl std::fmt::Display) -> ValueError {
    ValueError(format!("invalid msgpack: {what}"))
}

/// Decodes a value of type `of`. Empty bytes are null.
pub fn decode(bytes: &[u8], of: &Type) -> Result<Value, ValueError> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let mut reader = Reader { bytes, depth: 0 };
    let value = reader.value(of)?;
    if !reader.bytes.is_empty() {
        return Err(error("bytes after the value"));
    }
    Ok(value)
}

struct Reader<'a> {
    bytes: &'a [u8],
    depth: u32,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Result<Marker, ValueError> {
        self.bytes
            .first()
            .map(|byte| Marker::from_u8(*byte))
            .ok_or_else(|| error("it ends too early"))
    }

    fn value(&mut self, of: &Type) -> Result<Value, ValueError> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(error("nested too deep"));
        }
        let value = self.value_inside(of)?;
        self.depth -= 1;
        Ok(value)
    }

    fn value_inside(&mut self, of: &Type) -> Result<Value, ValueError> {
        match self.peek()? {
            Marker::Null => {
                decode::read_nil(&mut self.bytes).map_err(error)?;
                return Ok(Value::Null);
            }
            Marker::FixExt1
            | Marker::FixExt2
            | Marker::FixExt4
            | Marker::FixExt8
            | Marker::FixExt16
            | Marker::Ext8
            | Marker::Ext16
            | Marker::Ext32 => return self.unknown(),
            _ => {}
        }
        match of {
            Type::String => self.text().map(Value::String),
            Type::Number => self.number().map(Value::Number),
            Type::Bool => decode::read_bool(&mut self.bytes).map(Value::Bool).map_err(error),
            Type::List(element) | Type::Set(element) => {
                let count = decode::read_array_len(&mut self.bytes).map_err(error)?;
                (0..count)
                    .map(|_| self.value(element))
                    .collect::<Result<_, _>>()
                    .map(Value::List)
            }
            Type::Tuple(elements) => {
                let count = decode::read_array_len(&mut self.bytes).map_err(error)?;
                if usize::try_from(count).ok() != Some(elements.len()) {
                    return Err(error(format!("a tuple of {} elements is required", elements.len())));
                }
                elements
                    .iter()
                    .map(|element| self.value(element))
                    .collect::<Result<_, _>>()
                    .map(Value::List)
            }
            Type::Map(element) => self.entries(|_| Ok(element.as_ref())).map(Value::Map),
            Type::Object(attributes) => self.object(attributes),
            Type::Dynamic => self.dynamic(),
        }
    }

    fn object(&mut self, attributes: &BTreeMap<String, Type>) -> Result<Value, ValueError> {
        let mut entries = self.entries(|name| {
            attributes
                .get(name)
                .ok_or_else(|| error(format!("unsupported attribute {name:?}")))
        })?;
        for name in attributes.keys() {
            entries.entry(name.clone()).or_insert(Value::Null);
        }
        Ok(Value::Map(entries))
    }

    fn entries<'t>(
        &mut self,
        of: impl Fn(&str) -> Result<&'t Type, ValueError>,
    ) -> Result<BTreeMap<String, Value>, ValueError> {
        let count = decode::read_map_len(&mut self.bytes).map_err(error)?;
        let mut entries = BTreeMap::new();
        for _ in 0..count {
            let name = self.text()?;
            let value = self.value(of(&name)?)?;
            entries.insert(name, value);
        }
        Ok(entries)
    }

    fn dynamic(&mut self) -> Result<Value, ValueError> {
        let count = decode::read_array_len(&mut self.bytes).map_err(error)?;
        if count != 2 {
            return Err(error("a dynamic value has two parts"));
        }
        let length = decode::read_bin_len(&mut self.bytes).map_err(error)?;
        let json = serde_json::from_slice(self.take(length)?).map_err(error)?;
        let of = Type::from_json(&json).ok_or_else(|| error("unknown type"))?;
        let value = self.value(&of)?;
        Ok(Value::Dynamic(of, Box::new(value)))
    }

    fn text(&mut self) -> Result<String, ValueError> {
        let length = decode::read_str_len(&mut self.bytes).map_err(error)?;
        std::str::from_utf8(self.take(length)?)
            .map(str::to_owned)
            .map_err(error)
    }

    fn number(&mut self) -> Result<Number, ValueError> {
        match self.peek()? {
            Marker::F32 => decode::read_f32(&mut self.bytes)
                .map(|it| Number::from_f64(f64::from(it)))
                .map_err(error),
            Marker::F64 => decode::read_f64(&mut self.bytes).map(Number::from_f64).map_err(error),
            Marker::U64 => {
                let number = decode::read_u64(&mut self.bytes).map_err(error)?;
                Ok(i64::try_from(number).map_or_else(|_| Number::Decimal(number.to_string()), Number::Integer))
            }
            Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 => {
                let text = self.text()?;
                Number::from_decimal(&text).ok_or_else(|| error(format!("{text:?} is no number")))
            }
            _ => decode::read_int(&mut self.bytes).map(Number::Integer).map_err(error),
        }
    }

    fn take(&mut self, length: u32) -> Result<&'a [u8], ValueError> {
        let length = usize::try_from(length).map_err(error)?;
        let rest = self.bytes;
        let taken = rest.get(..length).ok_or_else(|| error("it ends too early"))?;
        self.bytes = &rest[length..];
        Ok(taken)
    }

    fn unknown(&mut self) -> Result<Value, ValueError> {
        let meta = decode::read_ext_meta(&mut self.bytes).map_err(error)?;
        let payload = self.take(meta.size)?;
        if meta.typeid != REFINED || payload.len() <= 1 {
            return Ok(Value::unknown());
        }
        let mut reader = Reader {
            bytes: payload,
            depth: self.depth,
        };
        reader.refinements().map(Value::Unknown)
    }

    fn refinements(&mut self) -> Result<Refinements, ValueError> {
        let mut refinements = Refinements::none();
        let count = decode::read_map_len(&mut self.bytes).map_err(error)?;
        for _ in 0..count {
            let key: i64 = decode::read_int(&mut self.bytes).map_err(error)?;
            match key {
                1 => refinements.not_null = !decode::read_bool(&mut self.bytes).map_err(error)?,
                2 => refinements.prefix = Some(self.text()?),
                5 => refinements.length_min = Some(decode::read_int(&mut self.bytes).map_err(error)?),
                6 => refinements.length_max = Some(decode::read_int(&mut self.bytes).map_err(error)?),
                // Bounds of numbers, and what later versions add: we make no use of them.
                _ => self.skip()?,
            }
        }
        Ok(refinements)
    }

    fn skip(&mut self) -> Result<(), ValueError> {
        match self.peek()? {
            Marker::FixArray(_) | Marker::Array16 | Marker::Array32 => {
                let count = decode::read_array_len(&mut self.bytes).map_err(error)?;
                (0..count).try_for_each(|_| self.skip())
            }
            Marker::FixMap(_) | Marker::Map16 | Marker::Map32 => {
                let count = decode::read_map_len(&mut self.bytes).map_err(error)?;
                (0..count).try_for_each(|_| self.skip().and_then(|()| self.skip()))
            }
            Marker::True | Marker::False => decode::read_bool(&mut self.bytes).map(drop).map_err(error),
            Marker::Null => decode::read_nil(&mut self.bytes).map_err(error),
            _ => self.number().map(drop),
        }
    }
}

/// Encodes a value of type `of`; sorted, so that equal values have equal bytes.
pub fn encode(value: &Value, of: &Type) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out, value, of);
    out
}

// Writing to a vector cannot fail; the results of rmp's writers are of an uninhabited kind of error in practice.
fn write(out: &mut Vec<u8>, value: &Value, of: &Type) {
    match value {
        Value::Null => drop(encode::write_nil(out)),
        Value::Unknown(refinements) => write_unknown(out, refinements),
        Value::Bool(truth) => drop(encode::write_bool(out, *truth)),
        Value::Number(number) => write_number(out, number),
        Value::String(text) => drop(encode::write_str(out, text)),
        Value::List(elements) => {
            drop(encode::write_array_len(out, count(elements.len())));
            for (position, element) in elements.iter().enumerate() {
                write(out, element, element_type(of, position));
            }
        }
        Value::Map(entries) => write_map(out, entries, of),
        Value::Dynamic(inner, value) => {
            drop(encode::write_array_len(out, 2));
            drop(encode::write_bin(out, inner.to_json().to_string().as_bytes()));
            write(out, value, inner);
        }
    }
}

fn write_map(out: &mut Vec<u8>, entries: &BTreeMap<String, Value>, of: &Type) {
    match of {
        Type::Object(attributes) => {
            drop(encode::write_map_len(out, count(attributes.len())));
            for (name, attribute) in attributes {
                drop(encode::write_str(out, name));
                write(out, entries.get(name).unwrap_or(&Value::Null), attribute);
            }
        }
        _ => {
            drop(encode::write_map_len(out, count(entries.len())));
            for (key, value) in entries {
                drop(encode::write_str(out, key));
                write(out, value, element_type(of, 0));
            }
        }
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn element_type(of: &Type, position: usize) -> &Type {
    match of {
        Type::List(element) | Type::Set(element) | Type::Map(element) => element,
        Type::Tuple(elements) => elements.get(position).unwrap_or(&Type::Dynamic),
        _ => &Type::Dynamic,
    }
}

fn write_number(out: &mut Vec<u8>, number: &Number) {
    match number {
        Number::Integer(integer) => drop(encode::write_sint(out, *integer)),
        Number::Float(float) => drop(encode::write_f64(out, *float)),
        Number::Decimal(text) => drop(encode::write_str(out, text)),
    }
}

fn write_unknown(out: &mut Vec<u8>, refinements: &Refinements) {
    if refinements.is_empty() {
        out.extend([0xd4, 0x00, 0x00]);
        return;
    }
    let mut payload = Vec::new();
    let known = [
        refinements.not_null,
        refinements.prefix.is_some(),
        refinements.length_min.is_some(),
        refinements.length_max.is_some(),
    ];
    drop(encode::write_map_len(
        &mut payload,
        count(known.iter().filter(|it| **it).count()),
    ));
    if refinements.not_null {
        drop(encode::write_uint(&mut payload, 1));
        drop(encode::write_bool(&mut payload, false));
    }
    if let Some(prefix) = &refinements.prefix {
        drop(encode::write_uint(&mut payload, 2));
        drop(encode::write_str(&mut payload, prefix));
    }
    for (key, length) in [(5, refinements.length_min), (6, refinements.length_max)] {
        if let Some(length) = length {
            drop(encode::write_uint(&mut payload, key));
            drop(encode::write_uint(&mut payload, length));
        }
    }
    drop(encode::write_ext_meta(out, count(payload.len()), REFINED));
    out.extend(payload);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn object() -> Type {
        Type::Object(
            [
                ("flag".to_owned(), Type::Bool),
                ("list".to_owned(), Type::list_of_strings()),
                ("map".to_owned(), Type::Map(Box::new(Type::Number))),
                ("any".to_owned(), Type::Dynamic),
            ]
            .into(),
        )
    }

    #[test]
    fn go_cty_bytes_are_read() {
        // 0.1 and 1e30 arrive as text, 1.5 as a float, "pre-${unknown}" as a refined unknown.
        assert_eq!(decode(b"\xa30.1", &Type::Number), Ok(Value::Number(Number::Float(0.1))));
        assert_eq!(
            decode(&[0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0], &Type::Number),
            Ok(Value::Number(Number::Float(1.5)))
        );
        let refined = [0xc7, 0x09, 12, 0x82, 1, 0xc2, 2, 0xa4, b'p', b'r', b'e', b'-'];
        let expected = Refinements {
            not_null: true,
            prefix: Some("pre-".to_owned()),
            ..Refinements::none()
        };
        assert_eq!(decode(&refined, &Type::String), Ok(Value::Unknown(expected.clone())));
        assert_eq!(encode(&Value::Unknown(expected), &Type::String), refined);
        assert_eq!(decode(&[0xd4, 0, 0], &Type::String), Ok(Value::unknown()));
        assert_eq!(decode(&[], &object()), Ok(Value::Null));
    }

    #[test]
    fn missing_attributes_are_null_and_unsupported_ones_refused() {
        let Ok(Value::Map(entries)) = decode(&[0x80], &object()) else {
            panic!("an object")
        };
        assert_eq!(entries.len(), 4);
        assert!(decode(b"\x81\xa3foo\xc0", &object()).is_err());
    }

    #[test]
    fn hostile_counts_end_in_an_error() {
        assert!(decode(&[0xdd, 0xff, 0xff, 0xff, 0xff], &Type::list_of_strings()).is_err());
        assert!(decode(&[0xdb, 0xff, 0xff, 0xff, 0xff], &Type::String).is_err());
        assert!(decode(&[0x91; 500], &Type::Dynamic).is_err());
    }

    fn value() -> impl Strategy<Value = Value> {
        let map = proptest::collection::btree_map("[a-z]{1,5}", any::<i64>().prop_map(Value::integer), 0..4);
        (
            any::<bool>(),
            proptest::collection::vec(".{0,8}", 0..4),
            map,
            any::<f64>(),
        )
            .prop_map(|(flag, list, map, float)| {
                let any = Value::Dynamic(Type::Number, Box::new(Value::Number(Number::from_f64(float))));
                Value::Map(
                    [
                        ("flag".to_owned(), Value::Bool(flag)),
                        ("list".to_owned(), Value::strings(list)),
                        ("map".to_owned(), Value::Map(map)),
                        ("any".to_owned(), any),
                    ]
                    .into(),
                )
            })
    }

    proptest! {
        #[test]
        fn values_make_the_round_trip(value in value()) {
            prop_assert_eq!(decode(&encode(&value, &object()), &object()), Ok(value));
        }

        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode(&bytes, &object());
        }
    }
}
