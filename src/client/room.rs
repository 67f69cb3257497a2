//! A room as this client knows it, kept up to date by what it is told.

use framekeep_protocol::{Member, RoomEvent, RoomEventKind, RoomPhase, RoomView};

/// Changes the room as the event says.
pub(crate) fn apply(room: &mut RoomView, event: &RoomEvent) {
    if event.number <= room.event {
        return;
    }
    room.event = event.number;
    match &event.kind {
        RoomEventKind::Joined { seat, player, name } => {
            room.members.retain(|member| member.seat != *seat && member.player != *player);
            let (player, name) = (*player, name.clone());
            let member =
                Member { seat: *seat, player, name, connected: true, host: false, ready: false, out: false };
            room.members.push(member);
            room.members.sort_unstable_by_key(|member| member.seat);
        }
        RoomEventKind::Left { player, .. } => room.members.retain(|member| member.player != *player),
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
