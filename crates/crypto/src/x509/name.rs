//! Distinguished names.

use super::Malformed;
use crate::der::{self, OID, Reader, SEQUENCE, SET};

/// One attribute of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its object identifier, dotted.
    pub id: String,
    /// Its text.
    pub value: String,
}

/// A distinguished name: its attributes in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Name(pub Vec<Attribute>);

impl Name {
    /// The values of the attributes `2.5.4.n`, in order.
    fn all(&self, n: u8) -> impl DoubleEndedIterator<Item = &str> {
        let id = format!("2.5.4.{n}");
        self.0.iter().filter(move |a| a.id == id).map(|a| a.value.as_str())
    }

    fn first(&self, n: u8) -> &str {
        self.all(n).next().unwrap_or_default()
    }

    /// The last one wins, as in Go.
    pub fn common_name(&self) -> &str {
        self.all(3).next_back().unwrap_or_default()
    }

    /// The first country.
    pub fn country(&self) -> &str {
        self.first(6)
    }

    /// The first locality.
    pub fn locality(&self) -> &str {
        self.first(7)
    }

    /// The first state or province.
    pub fn province(&self) -> &str {
        self.first(8)
    }

    /// The first street address.
    pub fn street(&self) -> &str {
        self.first(9)
    }

    /// The first organization.
    pub fn organization(&self) -> &str {
        self.first(10)
    }

    /// All organizational units.
    pub fn units(&self) -> impl Iterator<Item = &str> {
        self.all(11)
    }

    /// The first postal code.
    pub fn postal_code(&self) -> &str {
        self.first(17)
    }
}

pub(super) fn read(tbs: &mut Reader<'_>) -> Result<Name, Malformed> {
    let bad = |what: &str| Malformed(format!("invalid RDNSequence: invalid {what}"));
    let mut sequence = tbs.inside(SEQUENCE).ok_or_else(|| super::malformed("issuer"))?;
    let mut name = Name::default();
    while !sequence.is_empty() {
        let mut set =
            sequence.inside(SET).ok_or_else(|| Malformed("invalid RDNSequence".to_owned()))?;
        while !set.is_empty() {
            let mut attribute = set.inside(SEQUENCE).ok_or_else(|| bad("attribute"))?;
            let id = attribute
                .content(OID)
                .and_then(der::oid_text)
                .ok_or_else(|| bad("attribute type"))?;
            let value = attribute.any().ok_or_else(|| bad("attribute value"))?;
            let value = text(value.tag, value.content).ok_or_else(|| {
                let text = format!(
                    "invalid RDNSequence: invalid attribute value: unsupported string type: {}",
                    value.tag
                );
                Malformed(text)
            })?;
            name.0.push(Attribute { id, value });
        }
    }
    Ok(name)
}

/// Text of one of the string types that names are made of.
fn text(tag: u8, content: &[u8]) -> Option<String> {
    const UTF8: u8 = 12;
    const NUMERIC: u8 = 18;
    const PRINTABLE: u8 = 19;
    const TELETEX: u8 = 20;
    const IA5: u8 = 22;
    const BMP: u8 = 30;
    match tag {
        UTF8 => String::from_utf8(content.to_vec()).ok(),
        NUMERIC | PRINTABLE | IA5 => {
            content.is_ascii().then(|| String::from_utf8_lossy(content).into_owned())
        }
        // Go reads it as Latin-1.
        TELETEX => Some(content.iter().map(|byte| char::from(*byte)).collect()),
        BMP if content.len().is_multiple_of(2) => {
            let units: Vec<u16> =
                content.chunks_exact(2).map(|two| u16::from_be_bytes([two[0], two[1]])).collect();
            Some(String::from_utf16_lossy(units.strip_suffix(&[0]).unwrap_or(&units)))
        }
        _ => None,
    }
}
