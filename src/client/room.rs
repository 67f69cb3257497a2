//! A room as this client knows it, kept up to date by what it is told.

use framekeep_protocol::{Member, RoomEvent, RoomEventKind, RoomPhase, RoomView, Watcher};

/// Changes the room as the event says.
pub(crate) fn apply(room: &mut RoomView, event: &RoomEvent) {
    if event.number <= room.event {
        return;
    }
    room.event = event.number;
    match &event.kind {
        RoomEventKind::Joined { seat, player, name } => {
            room.members.retain(|member| member.seat != *seat && member.player != *player);
            room.kept.retain(|kept| kept != player);
            let (player, name) = (*player, name.clone());
            let member =
                Member { seat: *seat, player, name, connected: true, host: false, ready: false, out: false };
            room.members.push(member);
            room.members.sort_unstable_by_key(|member| member.seat);
        }
        RoomEventKind::Watching { player, name } => {
            room.watchers.retain(|watcher| watcher.player != *player);
            room.watchers.push(Watcher { player: *player, name: name.clone() });
        }
        RoomEventKind::Left { player, .. } => {
            room.members.retain(|member| member.player != *player);
            room.watchers.retain(|watcher| watcher.player != *player);
        }
        RoomEventKind::Reserved { player } if !room.kept.contains(player) => room.kept.push(*player),
        RoomEventKind::Released { player } => room.kept.retain(|kept| kept != player),
        RoomEventKind::LinkLost { player, .. } => change(room, *player, |member| member.connected = false),
        RoomEventKind::LinkBack { player } => change(room, *player, |member| member.connected = true),
        RoomEventKind::Ready { player, ready } => change(room, *player, |member| member.ready = *ready),
        RoomEventKind::GaveUp { player } => change(room, *player, |member| member.out = true),
        RoomEventKind::HostChanged { host } => {
            room.members.iter_mut().for_each(|member| member.host = member.player == *host);
        }
        RoomEventKind::ContentChosen { content } => room.content.clone_from(content),
        RoomEventKind::Locked { locked } => room.locked = *locked,
        RoomEventKind::Phase(phase) => room.phase = *phase,
        RoomEventKind::Closed(_) => room.phase = RoomPhase::Closed,
        _ => {}
    }
}

fn change(room: &mut RoomView, player: framekeep_protocol::PlayerId, with: impl FnOnce(&mut Member)) {
    if let Some(member) = room.members.iter_mut().find(|member| member.player == player) {
        with(member);
    }
}
