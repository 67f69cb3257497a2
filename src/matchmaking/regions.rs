//! `Regions`, the names of regions and their numbers. Tickets may invent names: one that nobody uses any more gives its
//! number back, and those that operators name keep theirs. Guests may invent only a few.

use std::sync::Arc;

use crate::Refused;
use crate::limits::{GUEST_REGIONS_MAX, REGIONS_KNOWN_MAX};

#[derive(Clone, Debug)]
struct Region {
    name: Arc<str>,
    /// Tickets that are not over and running rooms that name it, those of guests apart.
    uses: u32,
    /// Tickets of guests that are not over and name it.
    guests: u32,
    /// Whether it stays without any.
    is_named: bool,
}

impl Region {
    fn is_used(&self) -> bool {
        self.is_named || self.uses > 0 || self.guests > 0
    }

    fn is_guests_alone(&self) -> bool {
        !self.is_named && self.uses == 0 && self.guests > 0
    }
}

/// The names of regions by number. The first is the one without a name.
#[derive(Clone, Debug)]
pub(crate) struct Regions {
    known: Vec<Region>,
}

impl Default for Regions {
    fn default() -> Self {
        Self { known: vec![Region { name: Arc::from(""), uses: 0, guests: 0, is_named: true }] }
    }
}

impl Regions {
    /// The name of a number.
    pub(crate) fn name(&self, number: u8) -> &Arc<str> {
        &self.known[usize::from(number)].name
    }

    /// The names that are in use, and those that stay.
    pub(crate) fn used(&self) -> impl Iterator<Item = &str> {
        self.known.iter().filter(|region| region.is_used()).map(|region| &*region.name)
    }

    /// How many names may be new, and how many of them for guests.
    pub(crate) fn free(&self) -> (usize, usize) {
        let free = REGIONS_KNOWN_MAX - self.used().count();
        (free, free.min(GUEST_REGIONS_MAX.saturating_sub(self.of_guests())))
    }

    fn of_guests(&self) -> usize {
        self.known.iter().filter(|region| region.is_guests_alone()).count()
    }

    /// The number of a name, which is used once more.
    pub(crate) fn take(&mut self, name: &str, is_guest: bool) -> Result<u8, Refused> {
        let nth = self.place(name, is_guest)?;
        let region = &mut self.known[nth];
        *(if is_guest { &mut region.guests } else { &mut region.uses }) += 1;
        Ok(nth as u8)
    }

    /// A number is used once less.
    pub(crate) fn release(&mut self, number: u8, is_guest: bool) {
        if let Some(region) = self.known.get_mut(usize::from(number)) {
            let uses = if is_guest { &mut region.guests } else { &mut region.uses };
            *uses = uses.saturating_sub(1);
        }
    }

    /// The name keeps its number from now on.
    pub(crate) fn name_for_good(&mut self, name: &str) -> Result<(), Refused> {
        let nth = self.place(name, false)?;
        self.known[nth].is_named = true;
        Ok(())
    }

    /// Where a name is, or the first place that is free for it.
    fn place(&mut self, name: &str, is_guest: bool) -> Result<usize, Refused> {
        let known = self.known.iter().position(|region| *region.name == *name);
        let is_new = known.is_none_or(|nth| !self.known[nth].is_used());
        if is_new && is_guest && self.of_guests() >= GUEST_REGIONS_MAX {
            return Err(Refused::GuestRegions { region: name.to_owned() });
        }
        if let Some(nth) = known {
            return Ok(nth);
        }
        let new = Region { name: Arc::from(name), uses: 0, guests: 0, is_named: false };
        if let Some(nth) = self.known.iter().position(|region| !region.is_used()) {
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
