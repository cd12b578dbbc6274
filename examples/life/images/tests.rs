use clap::Parser as _;

use super::*;
use crate::picture::{DEAD, GUTTER, OLDEST};

/// Two pictures of 3 by 2 cells that use the first and the last of the colours.
fn pictures() -> [Picture; 2] {
    let picture = |colours: [u8; 6]| Picture { width: 3, height: 2, colours: colours.to_vec() };
    [picture([DEAD, 1, 2, OLDEST, DEAD, GUTTER]), picture([1, DEAD, 3, DEAD, OLDEST, GUTTER])]
}

#[test]
fn a_gif_has_every_picture_in_its_colours_at_its_pace() {
    let mut file = Vec::new();

    write_gif(&mut file, &pictures(), 2, 20).unwrap();

    let mut decoder = gif::DecodeOptions::new().read_info(&file[..]).unwrap();
    assert_eq!((decoder.width(), decoder.height(), decoder.repeat()), (6, 4, gif::Repeat::Infinite));
    assert!(decoder.global_palette().unwrap().starts_with(PALETTE.as_flattened()));
    for picture in pictures() {
        let frame = decoder.read_next_frame().unwrap().unwrap();
        assert_eq!(frame.buffer, picture.scaled(2).colours);
        assert_eq!(frame.delay, 5);
    }
    assert!(decoder.read_next_frame().unwrap().is_none());
}

#[test]
fn an_animated_png_has_every_picture_at_its_pace() {
    let mut file = Vec::new();

    write_png(&mut file, &pictures(), 3, 25).unwrap();

    let mut reader = png::Decoder::new(std::io::Cursor::new(&file)).read_info().unwrap();
    assert_eq!((reader.info().width, reader.info().height), (9, 6));
    assert_eq!(reader.info().palette.as_deref(), Some(PALETTE.as_flattened()));
    let control = reader.info().animation_control.unwrap();
    assert_eq!((control.num_frames, control.num_plays), (2, 0));
    for picture in pictures() {
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!(pixels, picture.scaled(3).colours);
        let control = reader.info().frame_control.unwrap();
        assert_eq!((control.delay_num, control.delay_den), (1, 25));
    }
}

#[test]
fn one_picture_is_a_plain_png() {
    let mut file = Vec::new();

    write_png(&mut file, &pictures()[..1], 1, 20).unwrap();

    let mut reader = png::Decoder::new(std::io::Cursor::new(&file)).read_info().unwrap();
    assert!(reader.info().animation_control.is_none());
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    assert_eq!(pixels, pictures()[0].colours);
}

#[test]
fn an_album_without_an_animation_keeps_the_last_picture_only() {
    let [first, second] = pictures();
    let mut album = Album::new(&Args::parse_from(["life", "--png", "life.png"])).unwrap();

    album.add(first);
    album.add(second.clone());

    assert_eq!((album.pictures.len(), album.last()), (1, Some(&second)));
}

#[test]
fn cells_are_as_large_as_a_picture_of_800_pixels_allows() {
    let scale = |line: &str| Album::new(&Args::parse_from(line.split_whitespace())).unwrap().scale;

    assert_eq!(scale("life --size 100"), 8);
    assert_eq!(scale("life --size 100 --games 8"), 1);
    assert_eq!(scale("life --size 33 --games 15"), 4);
    assert_eq!(scale("life --size 5000"), 1);
    assert_eq!(scale("life --size 5000 --scale 3"), 3);
}

#[test]
fn what_cannot_be_kept_or_written_is_refused_before_anything_is_computed() {
    let error = |line: &str| Album::new(&Args::parse_from(line.split_whitespace())).err().unwrap().to_string();

    assert!(error("life --gif a.gif --width 40000 --height 9 --scale 2 --steps 1").contains("65535 pixels"));
    assert!(error("life --apng a.png --size 1000 --steps 2000").contains("--batch"));
    assert!(error("life --png a.png --size 65536 --scale 64").contains("--scale"));
    assert!(Album::new(&Args::parse_from("life --png a.png --size 30000 --steps 9999999".split_whitespace())).is_ok());
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let error = to_file(Path::new("no/such/folder/life.gif"), |_| Ok(())).unwrap_err();

    assert!(error.to_string().contains("no/such/folder/life.gif"), "{error}");
}
