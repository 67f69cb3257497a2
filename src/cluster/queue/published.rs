//! `Published`, what the coordinator lets all nodes know, once a second.

use framekeep_gate::SharedTicket;
use framekeep_matchmaking::{LaneView, QueueView, RegionsView};
use serde::{Deserialize, Serialize};

use crate::{Coordinator, NodeId};

/// Lanes that are told, those with the most players: every node reads all of them once a second.
const LANES_MAX: usize = 256;

/// What the coordinator lets all nodes know.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Published {
    pub(crate) queues: Vec<QueueView>,
    pub(crate) matches_per_min: u64,
    pub(crate) coordinator: String,
    pub(crate) epoch: u64,
    pub(crate) directory: u64,
    /// Who waits for the same.
    #[serde(default)]
    pub(crate) lanes: Vec<PublishedLane>,
    /// When tickets were looked at last, by the store's time.
    #[serde(default)]
    pub(crate) looked_at_ms: u64,
    /// Whether no node can have a room for a match.
    #[serde(default)]
    pub(crate) no_rooms: bool,
    /// The names of regions, where guests may name none that is not among them.
    #[serde(default)]
    pub(crate) regions: Option<PublishedRegions>,
}

/// How many wait for a region and content.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PublishedLane {
    /// Which of the queues.
    queue: usize,
    region: String,
    content: String,
    players: u64,
}

/// The names of regions and how many more there may be.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PublishedRegions {
    used: Vec<String>,
    free: usize,
    free_for_guests: usize,
}

impl Published {
    /// What a coordinator knows.
    pub(crate) fn new(node: NodeId, one: &Coordinator, directory: u64) -> Self {
        let queues: Vec<_> = one.queues().collect();
        let mut lanes: Vec<_> = one.lanes().filter_map(|lane| PublishedLane::new(&queues, lane)).collect();
        lanes.sort_by_key(|lane| core::cmp::Reverse(lane.players));
        lanes.truncate(LANES_MAX);
        Self {
            lanes,
            matches_per_min: one.matches_per_min(),
            coordinator: node.to_string(),
            epoch: one.epoch().0,
            directory,
            looked_at_ms: one.looked_at_ms(),
            no_rooms: one.has_no_rooms(),
            regions: PublishedRegions::new(one.regions()),
            queues,
        }
    }

    /// The queue of a mode and tick rate.
    pub(crate) fn queue(&self, game: &str, mode: &str, tick_rate_hz: u16) -> Option<&QueueView> {
        self.queues.iter().find(|queue| is_of(queue, game, mode) && queue.tick_rate_hz == tick_rate_hz)
    }

    /// Whether the coordinator has no such mode, as far as it has said anything.
    pub(crate) fn lacks(&self, game: &str, mode: &str) -> bool {
        !self.queues.is_empty() && !self.queues.iter().any(|queue| is_of(queue, game, mode))
    }

    /// How many players wait in a lane.
    pub(crate) fn players_in(&self, lane: &LaneView) -> u64 {
        let is_it = |one: &&PublishedLane| {
            let queue = self.queues.get(one.queue);
            let is_of = queue.is_some_and(|queue| {
                is_of(queue, &lane.game, &lane.mode) && queue.tick_rate_hz == lane.tick_rate_hz
            });
            is_of && one.region == lane.region && one.content == lane.content
        };
        self.lanes.iter().find(is_it).map_or(0, |one| one.players)
    }

    /// A region of a ticket for which there is no place.
    pub(crate) fn region_too_many<'a>(&self, ticket: &'a SharedTicket) -> Option<&'a str> {
        let regions = self.regions.as_ref()?;
        let free = if ticket.is_guest { regions.free_for_guests } else { regions.free };
        let names = ticket.ticket.regions.iter().map(|one| one.region.as_str());
        names.filter(|name| !regions.used.iter().any(|used| used == name)).nth(free)
    }
}

impl PublishedLane {
    fn new(queues: &[QueueView], lane: LaneView) -> Option<Self> {
        let is_its = |queue: &QueueView| {
            is_of(queue, &lane.game, &lane.mode) && queue.tick_rate_hz == lane.tick_rate_hz
        };
        let queue = queues.iter().position(is_its)?;
        Some(Self { queue, region: lane.region, content: lane.content, players: lane.players })
    }
}

impl PublishedRegions {
    /// `None` while there are places enough for whatever a guest may name.
    fn new(regions: RegionsView) -> Option<Self> {
        let RegionsView { used, free, free_for_guests } = regions;
        let is_scarce = free_for_guests < framekeep_matchmaking::limits::REGIONS_MAX;
        is_scarce.then_some(Self { used, free, free_for_guests })
    }
}

fn is_of(queue: &QueueView, game: &str, mode: &str) -> bool {
    queue.game == game && queue.mode == mode
}
