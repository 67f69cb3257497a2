//! `Verdict`, what was found out of two shapes that are near each other.

/// What was found out of two shapes that are near each other, in the last search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict(u32);

/// What a verdict says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    Unknown,
    /// Farther apart than that.
    Apart(i32),
    /// They meet, and which meeting that is.
    Met(usize),
    /// They may soon, and which meeting that would be of those that are not yet.
    Distant(usize),
}

const KIND: u32 = 3 << 30;
const APART: u32 = 1 << 30;
const MET: u32 = 2 << 30;

impl Verdict {
    #[inline(always)]
    pub(crate) fn apart(margin: i32) -> Self {
        let margin = margin.cast_unsigned();
        if margin & KIND == 0 { Self(APART | margin) } else { Self(0) }
    }

    #[inline(always)]
    pub(crate) const fn met(meeting: usize) -> Self {
        Self(MET | meeting as u32 & !KIND)
    }

    #[inline(always)]
    pub(crate) const fn distant(meeting: usize) -> Self {
        Self(KIND | meeting as u32 & !KIND)
    }

    #[inline(always)]
    pub(crate) const fn finding(self) -> Finding {
        let number = self.0 & !KIND;
        match self.0 & KIND {
            0 => Finding::Unknown,
            APART => Finding::Apart(number.cast_signed()),
            MET => Finding::Met(number as usize),
            _ => Finding::Distant(number as usize),
        }
    }
}
