//! `render`: a tick as PNG, or several as GIF.

use std::io::Write;

use framekeep_sim::{AnyMatch, Tick, View};

use crate::args::RenderArgs;
use crate::describe::{duration, grouped};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::opened::Opened;
use crate::picture::{Canvas, PALETTE, Scene};
use crate::progress::Progress;

/// A PNG is drawn this many times as large and averaged, so that edges are smooth.
const SMOOTH: usize = 3;
/// Pixels of the picture for one of a digit.
const PIXELS_PER_DIGIT_PIXEL: usize = 160;
/// Most pictures of a GIF.
const PICTURES_MAX: u32 = 10_000;

pub(crate) fn run(args: &RenderArgs, out: &mut impl Write) -> Result<Exit, Failure> {
    args.target.check()?;
    let opened = Opened::played(&args.played)?;
    let told = if args.png { png(args, &opened)? } else { gif(args, &opened)? };
    writeln!(out, "{}: {told}", args.target.out.display())?;
    Ok(Exit::Ok)
}

/// The scene that holds everything between two ticks.
pub(crate) fn scene(opened: &Opened, from: Tick, to: Tick) -> Result<Scene, Failure> {
    let (start, mut frames) = (opened.at(from)?, opened.replay.frames_from(from));
    let mut held = framekeep_sim::Frame::default();
    let mut scene = Scene::empty(opened.game.name());
    let (mut play, mut view) = (start, View::default());
    loop {
        play.view(&mut view);
        view.bodies.iter().for_each(|body| scene.include(body));
        if play.tick() >= to {
            break;
        }
        // Worlds do not change much from one tick to the next.
        for _ in 0..LOOK_EVERY_TICKS {
            let Some((frame, _)) = frames.next_frame() else { return Ok(scene.padded()) };
            held.copy_from(frame);
            play.step(&held);
            if play.tick() >= to {
                break;
            }
        }
    }
    Ok(scene.padded())
}

/// Ticks between two looks at how far the world goes.
const LOOK_EVERY_TICKS: u32 = 16;

/// A picture of a match with its head, `width` pixels wide.
fn picture(opened: &Opened, scene: &Scene, play: &dyn AnyMatch, width: usize) -> Canvas {
    let scale = (width / PIXELS_PER_DIGIT_PIXEL).max(1);
    let head = Canvas::text_height(scale) + 2 * scale;
    let mut canvas = Canvas::new(width, head + scene.height_of(width));
    let mut view = View::default();
    play.view(&mut view);
    scene.draw(&view, &mut canvas, head);
    let time = duration(play.tick().0, opened.replay.header().tick_rate_hz);
    Scene::write_head(&view, &time, &mut canvas, scale);
    canvas
}

fn png(args: &RenderArgs, opened: &Opened) -> Result<String, Failure> {
    let tick = args.tick.map_or(opened.replay.end().ticks, Tick);
    let play = opened.at(tick)?;
    let scene = scene(opened, opened.replay.start(), opened.replay.end().ticks)?;
    let large = picture(opened, &scene, &*play, usize::from(args.width) * SMOOTH);
    let (width, height) = (large.width / SMOOTH, large.height / SMOOTH);
    let mut file = args.target.begin()?;
    let mut encoder = png::Encoder::new(&mut file, width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let failed = |error: png::EncodingError| args.target.failed(&error);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&smooth(&large, width, height)).map_err(failed)?;
    writer.finish().map_err(failed)?;
    args.target.finish(file)?;
    Ok(format!("tick {}, {width} by {height} pixels", grouped(tick.0.into())))
}

/// The averages of blocks of pixels, as red, green and blue.
fn smooth(large: &Canvas, width: usize, height: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            let mut sums = [0_usize; 3];
            for place in 0..SMOOTH * SMOOTH {
                let pixel = large.pixel(x * SMOOTH + place % SMOOTH, y * SMOOTH + place / SMOOTH);
                for (sum, part) in sums.iter_mut().zip(PALETTE[usize::from(pixel)]) {
                    *sum += usize::from(part);
                }
            }
            bytes.extend(sums.map(|sum| (sum / (SMOOTH * SMOOTH)) as u8));
        }
    }
    bytes
}

fn gif(args: &RenderArgs, opened: &Opened) -> Result<String, Failure> {
    let (from, to) = opened.span(&args.span)?;
    let pictures = (to.0 - from.0) / args.every + 1;
    if pictures > PICTURES_MAX {
        let message = format!(
            "{pictures} pictures, and a GIF takes {PICTURES_MAX}: raise --every, or set --from and --to"
        );
        return Err(Failure::new(message));
    }
    let (scene, mut play) = (scene(opened, from, to)?, opened.at(from)?);
    let mut frames = opened.replay.frames_from(from);
    let first = picture(opened, &scene, &*play, usize::from(args.width));
    let mut file = args.target.begin()?;
    let failed = |error: gif::EncodingError| args.target.failed(&error);
    let palette: Vec<u8> = PALETTE.concat();
    let size = (first.width as u16, first.height as u16);
    let mut encoder = gif::Encoder::new(&mut file, size.0, size.1, &palette).map_err(failed)?;
    encoder.set_repeat(gif::Repeat::Infinite).map_err(failed)?;
    let progress = Progress::new("drawing", pictures);
    let (mut drawn, mut shown_cs) = (0_u32, 0);
    loop {
        let canvas = picture(opened, &scene, &*play, usize::from(args.width));
        drawn += 1;
        progress.at(drawn);
        // Delays are whole hundredths of a second: rounded so that they do not drift.
        let due_cs = u64::from(drawn * args.every) * 100 / u64::from(opened.replay.header().tick_rate_hz);
        let frame = gif::Frame {
            width: size.0,
            height: size.1,
            delay: (due_cs - shown_cs).min(u64::from(u16::MAX)) as u16,
            buffer: canvas.pixels.into(),
            ..gif::Frame::default()
        };
        shown_cs = due_cs;
        encoder.write_frame(&frame).map_err(failed)?;
        let next = play.tick().later(args.every);
        if next > to {
            break;
        }
        while play.tick() < next {
            let Some((frame, _)) = frames.next_frame() else { break };
            play.step(frame);
        }
    }
    // With the mark of its end.
    encoder.into_inner().map_err(|error| args.target.failed(&error))?;
    args.target.finish(file)?;
    Ok(format!("{drawn} pictures of {} by {} pixels", size.0, size.1))
}
