//! `MirrorPlugin`: what is in the match, as entities to draw.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use bevy_app::{App, Plugin, PreUpdate};
use bevy_ecs::prelude::{
    Commands, Component, DetectChangesMut, Entity, IntoScheduleConfigs, Query, Res, ResMut, Resource,
};
use framekeep_rollback::{Pose, ViewTimeline};
use framekeep_sim::{Game, View, ViewBody};

use crate::play::{ActiveMatch, key, timeline};
use crate::{ClientClock, ClientConfig, ClientSystems, LocalInput};

/// A thing of the match, as an entity: spawned when it comes, despawned when it goes. Add what draws it when it is
/// added (`Query<.., Added<Mirrored>>`).
#[derive(Component, Clone, Copy, Debug, PartialEq)]
pub struct Mirrored {
    /// Stable for its life; see [`ViewBody::id`].
    pub id: u32,
    /// What it is; the game's documentation lists its kinds.
    pub kind: u8,
    /// The seat it belongs to, or 255.
    pub seat: u8,
    /// Whether that is the own seat.
    pub is_own: bool,
    /// Half width, or radius, in world units.
    pub half_width: f32,
    /// Half height, in world units; equals `half_width` for circles.
    pub half_height: f32,
}

/// Where to draw it in this frame: between two ticks, corrections smoothed.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq)]
pub struct DrawnPose {
    /// Where.
    pub pose: Pose,
    /// How far that is from where the simulation has it: what is left of corrections.
    pub correction: Pose,
}

/// Scores and time of the match that is drawn.
#[derive(Resource, Clone, Debug, Default, PartialEq, Eq)]
pub struct Scoreboard {
    /// The score of each seat, in seat order.
    pub scores: Vec<i32>,
    /// Ticks until the match ends by time; 0 if it has no limit.
    pub ticks_left: u32,
}

/// The entities of the match.
pub struct MirrorPlugin<G: Game> {
    game: PhantomData<fn() -> G>,
}

impl<G: Game> Default for MirrorPlugin<G> {
    fn default() -> Self {
        Self { game: PhantomData }
    }
}

impl<G: Game> Plugin for MirrorPlugin<G> {
    fn build(&self, app: &mut App) {
        let smoothing =
            app.world().get_resource::<ClientConfig>().map_or_else(Default::default, |c| c.smoothing);
        app.insert_resource(Mirror {
            timeline: timeline(smoothing),
            view: View::default(),
            entities: BTreeMap::new(),
            generation: 0,
            game: PhantomData::<fn() -> G>,
        })
        .init_resource::<Scoreboard>()
        .init_resource::<ActiveMatch<G>>()
        .init_resource::<LocalInput<G>>()
        .add_systems(PreUpdate, mirror::<G>.in_set(ClientSystems::Mirror));
    }
}

/// What is drawn, and the entity of everything.
#[derive(Resource)]
pub(crate) struct Mirror<G: Game> {
    timeline: ViewTimeline<u64>,
    view: View,
    entities: BTreeMap<u64, Entity>,
    /// Which match that is.
    generation: u64,
    game: PhantomData<fn() -> G>,
}

/// Draws this frame.
fn mirror<G: Game>(
    clock: Res<ClientClock>,
    config: Res<ClientConfig>,
    input: Res<LocalInput<G>>,
    mut active: ResMut<ActiveMatch<G>>,
    mut mirror: ResMut<Mirror<G>>,
    mut scoreboard: ResMut<Scoreboard>,
    mut drawn: Query<(&mut Mirrored, &mut DrawnPose)>,
    mut commands: Commands,
) {
    let Mirror { timeline, view, entities, generation, .. } = &mut *mirror;
    if std::mem::replace(generation, active.generation) != active.generation {
        // What has the ids of before is something else in another match.
        for (_, entity) in std::mem::take(entities) {
            commands.entity(entity).despawn();
        }
        *timeline = crate::play::timeline(config.smoothing);
    }
    let Some(part) = active.draw(clock.now(), input.next(), timeline, view) else {
        scoreboard.set_if_neq(Scoreboard::default());
        return;
    };
    let own = active.seat();
    scoreboard.scores.clone_from(&view.scores);
    scoreboard.ticks_left = view.ticks_left;
    let shown = timeline.frame(part, clock.passed());
    entities.retain(|key, entity| {
        let stays = shown.binary_search_by_key(key, |shown| shown.id).is_ok();
        if !stays {
            commands.entity(*entity).despawn();
        }
        stays
    });
    for body in &view.bodies {
        let key = key(body);
        let Ok(at) = shown.binary_search_by_key(&key, |shown| shown.id) else { continue };
        let pose = DrawnPose { pose: shown[at].pose, correction: shown[at].offset };
        let is = mirrored(body, own);
        match entities.get(&key) {
            Some(&entity) => {
                if let Ok((mut mirrored, mut place)) = drawn.get_mut(entity) {
                    mirrored.set_if_neq(is);
                    place.set_if_neq(pose);
                }
            }
            None => {
                entities.insert(key, commands.spawn((is, pose)).id());
            }
        }
    }
}

fn mirrored(body: &ViewBody, own: Option<u8>) -> Mirrored {
    let units = |bits: i32| bits as f32 / 65_536.0;
    Mirrored {
        id: body.id,
        kind: body.kind,
        seat: body.seat,
        is_own: own == Some(body.seat),
        half_width: units(body.half_width),
        half_height: units(body.half_height),
    }
}
