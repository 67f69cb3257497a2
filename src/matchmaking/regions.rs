//! `Regions`, the names of regions and their numbers. Tickets may invent names: one that nobody uses any more gives its
//! number back, and those that operators name keep theirs.

use std::sync::Arc;

use crate::Refused;
use crate::limits::REGIONS_KNOWN_MAX;

#[derive(Clone, Debug)]
struct Region {
    name: Arc<str>,
    /// Tickets that are not over and running rooms that name it.
    uses: u32,
    /// Whether it stays without any.
    is_named: bool,
}

/// The names of regions by number. The first is the one without a name.
#[derive(Clone, Debug)]
pub(crate) struct Regions {
    known: Vec<Region>,
}

impl Default for Regions {
    fn default() -> Self {
        Self { known: vec![Region { name: Arc::from(""), uses: 0, is_named: true }] }
    }
}

impl Regions {
    /// The name of a number.
    pub(crate) fn name(&self, number: u8) -> &Arc<str> {
        &self.known[usize::from(number)].name
    }

    /// The number of a name, which is used once more.
    pub(crate) fn take(&mut self, name: &str) -> Result<u8, Refused> {
        let nth = self.place(name)?;
        self.known[nth].uses += 1;
        Ok(nth as u8)
    }

    /// A number is used once less.
    pub(crate) fn release(&mut self, number: u8) {
        if let Some(region) = self.known.get_mut(usize::from(number)) {
            region.uses = region.uses.saturating_sub(1);
        }
    }

    /// The name keeps its number from now on.
    pub(crate) fn name_for_good(&mut self, name: &str) -> Result<(), Refused> {
        let nth = self.place(name)?;
        self.known[nth].is_named = true;
        Ok(())
    }

    /// Where a name is, or the first place that is free for it.
    fn place(&mut self, name: &str) -> Result<usize, Refused> {
        if let Some(nth) = self.known.iter().position(|region| *region.name == *name) {
            return Ok(nth);
        }
        let new = Region { name: Arc::from(name), uses: 0, is_named: false };
        if let Some(nth) = self.known.iter().position(|region| region.uses == 0 && !region.is_named) {
            self.known[nth] = new;
            return Ok(nth);
        }
        if self.known.len() >= REGIONS_KNOWN_MAX {
            return Err(Refused::TooManyRegions { region: name.to_owned() });
        }
        self.known.push(new);
        Ok(self.known.len() - 1)
    }
}
