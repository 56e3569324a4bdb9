//! Photos: whatever picture somebody gives is decoded within bounds and encoded anew, so that others are shown a small
//! square JPEG that the box has made, and nothing of what else was in the file, such as where it was taken.

use std::{collections::BTreeMap, io::Cursor, sync::Arc};

use fulmar_domain::{
    RequestId, SipUri,
    event::Failure,
    photo::{MAX_PICTURE, Photo, PhotoSize},
};
use fulmar_store::{Actor, Executed, StoreError};
use image::{
    DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, Rgb, RgbImage,
    codecs::jpeg::JpegEncoder,
    imageops::{self, FilterType},
};
use thiserror::Error;
use tokio::sync::Semaphore;

use crate::{App, ChangePersonError};

/// The longest side of a picture that is decoded: cameras of phones have less.
const MAX_SIDE: u32 = 6_144;
/// What a picture may take once it is decoded, and a decoder beside it: 16 million pixels that can be seen through.
const MAX_DECODED: u64 = 64 * 1024 * 1024;
/// The shorter side of what is worked on: twice that of the largest photo.
const WORKED_ON: u32 = 1_296;
/// Of 100; beyond this a face gains nothing.
const QUALITY: u8 = 82;

/// Why a picture is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidPicture {
    /// Longer than [`MAX_PICTURE`].
    #[error("a picture has 2 MiB at most")]
    TooLong,
    /// Not one of the formats.
    #[error("a picture is a JPEG or a PNG")]
    Format,
    /// Broken, or larger than is decoded.
    #[error("the picture can not be decoded, or is larger than 6144 pixels a side or 64 MiB")]
    Broken,
}

/// Makes photos, one at a time: each costs memory and time. Clones share the turn.
#[derive(Clone)]
pub(crate) struct Photos(Arc<Semaphore>);

impl Photos {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }

    async fn make(&self, picture: Vec<u8>) -> Result<Photo, InvalidPicture> {
        if picture.len() > MAX_PICTURE {
            return Err(InvalidPicture::TooLong);
        }
        let turn = Arc::clone(&self.0).acquire_owned().await.map_err(|_| InvalidPicture::Broken)?;
        let made = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            make(&picture)
        });
        // Whatever a decoder does that it should not do is the picture's fault.
        made.await.map_err(|_| InvalidPicture::Broken)?
    }
}

impl App {
    /// Gives a person a photo, or takes it away.
    ///
    /// # Errors
    /// [`ChangePersonError::Picture`], [`ChangePersonError::NoSuchPerson`] and failures of the store.
    pub async fn set_photo(&self, uri: SipUri, picture: Option<Vec<u8>>) -> Result<(), ChangePersonError> {
        let photo = match picture {
            Some(picture) => Some(self.photos.make(picture).await?),
            None => None,
        };
        let found = self.store.set_photo(uri.clone(), photo).await?;
        if found { Ok(()) } else { Err(ChangePersonError::NoSuchPerson(uri)) }
    }

    pub(crate) async fn set_own_photo(
        &self,
        actor: &Actor,
        request: Option<RequestId>,
        picture: Option<Vec<u8>>,
    ) -> Result<Executed, StoreError> {
        let photo = match picture {
            Some(picture) => self.photos.make(picture).await.map(Some).map_err(|_| Failure::NotAPicture),
            None => Ok(None),
        };
        self.store.set_own_photo(actor, request, photo, self.now()).await
    }
}

fn make(picture: &[u8]) -> Result<Photo, InvalidPicture> {
    let square = square(&decode(picture)?);
    let mut jpegs = BTreeMap::new();
    for size in PhotoSize::ALL {
        let side = size.pixels().into();
        let photo = imageops::resize(&square, side, side, FilterType::CatmullRom);
        let mut jpeg = Vec::new();
        let encoded = JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode_image(&photo);
        encoded.map_err(|_| InvalidPicture::Broken)?;
        jpegs.insert(size, jpeg);
    }
    Ok(Photo { jpegs })
}

fn decode(picture: &[u8]) -> Result<DynamicImage, InvalidPicture> {
    let broken = |_| InvalidPicture::Broken;
    let mut reader = ImageReader::new(Cursor::new(picture));
    match image::guess_format(picture) {
        Ok(format @ (ImageFormat::Jpeg | ImageFormat::Png)) => reader.set_format(format),
        _ => return Err(InvalidPicture::Format),
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_DECODED);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(broken)?;
    if decoder.total_bytes() > MAX_DECODED {
        return Err(InvalidPicture::Broken);
    }
    let turned = decoder.orientation().map_err(broken)?;
    let mut image = shrunk(DynamicImage::from_decoder(decoder).map_err(broken)?);
    image.apply_orientation(turned);
    Ok(image)
}

/// As large as is of use: a copy of a whole picture would take as much again.
fn shrunk(picture: DynamicImage) -> DynamicImage {
    let side = picture.width().min(picture.height());
    if side <= WORKED_ON {
        return picture;
    }
    let scaled = |length: u32| length * WORKED_ON / side;
    picture.thumbnail_exact(scaled(picture.width()), scaled(picture.height()))
}

/// The middle of a picture, on white.
fn square(picture: &DynamicImage) -> RgbImage {
    let side = picture.width().min(picture.height());
    let (left, top) = ((picture.width() - side) / 2, (picture.height() - side) / 2);
    let middle = picture.crop_imm(left, top, side, side).to_rgba8();
    RgbImage::from_fn(side, side, |x, y| {
        let [red, green, blue, alpha] = middle.get_pixel(x, y).0;
        let on_white = |colour: u8| {
            let mixed = (u16::from(colour) * u16::from(alpha) + 255 * (255 - u16::from(alpha))) / 255;
            u8::try_from(mixed).unwrap_or(u8::MAX)
        };
        Rgb([on_white(red), on_white(green), on_white(blue)])
    })
}

#[cfg(test)]
mod tests {
    use image::{Rgba, RgbaImage};

    use super::*;

    fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    /// Red on the left, see-through in the middle, blue on the right.
    fn flag(width: u32, height: u32) -> DynamicImage {
        let third = width / 3;
        DynamicImage::ImageRgba8(RgbaImage::from_fn(width, height, |x, _| match x / third.max(1) {
            0 => Rgba([255, 0, 0, 255]),
            1 => Rgba([0, 0, 0, 0]),
            _ => Rgba([0, 0, 255, 255]),
        }))
    }

    fn pixel(jpeg: &[u8], x: u32, y: u32) -> [u8; 3] {
        image::load_from_memory_with_format(jpeg, ImageFormat::Jpeg).unwrap().to_rgb8().get_pixel(x, y).0
    }

    #[test]
    fn a_photo_is_the_middle_of_a_picture_on_white_in_every_size() {
        let Photo { jpegs } = make(&encoded(&flag(300, 100), ImageFormat::Png)).unwrap();
        assert_eq!(jpegs.len(), 4);
        for (size, jpeg) in jpegs {
            let side = u32::from(size.pixels());
            let photo = image::load_from_memory_with_format(&jpeg, ImageFormat::Jpeg).unwrap();
            assert_eq!((photo.width(), photo.height()), (side, side));
            assert!(pixel(&jpeg, side / 2, side / 2).iter().all(|colour| *colour > 245), "{size:?}");
        }
    }

    #[test]
    fn a_picture_that_lies_on_its_side_is_put_upright() {
        let rgb = DynamicImage::ImageRgb8(flag(90, 90).to_rgb8());
        let jpeg = encoded(&rgb, ImageFormat::Jpeg);
        // APP1 with a TIFF of one entry: orientation 6, a quarter turn (Exif 2.3 §4.6.4).
        let exif = b"\xff\xe1\x00\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let turned = [&jpeg[..2], exif, &jpeg[2..]].concat();
        let Photo { jpegs } = make(&turned).unwrap();
        let photo = &jpegs[&PhotoSize::Hr48];
        assert!(pixel(photo, 24, 4)[0] > 200, "red is above");
        assert!(pixel(photo, 24, 44)[2] > 200, "blue is below");
        assert!(!photo.windows(4).any(|bytes| bytes == b"Exif"));
    }

    #[test]
    fn a_large_picture_is_shrunk_before_it_is_worked_on() {
        let large = DynamicImage::ImageRgb8(flag(4_500, 3_000).to_rgb8());
        let shrunk = shrunk(large);
        assert_eq!((shrunk.width(), shrunk.height()), (1_944, WORKED_ON));
        let Photo { jpegs } = make(&encoded(&shrunk, ImageFormat::Jpeg)).unwrap();
        assert!(pixel(&jpegs[&PhotoSize::Hr48], 2, 24)[0] > 200);
        let small = flag(30, 20);
        assert_eq!(super::shrunk(small.clone()), small);
    }

    #[test]
    fn what_is_no_picture_or_too_large_is_refused() {
        for bytes in [&b""[..], b"GIF89a", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"BM"] {
            assert_eq!(make(bytes), Err(InvalidPicture::Format));
        }
        let png = encoded(&flag(30, 30), ImageFormat::Png);
        assert_eq!(make(&png[..png.len() / 2]), Err(InvalidPicture::Broken));
        let wide = encoded(&DynamicImage::new_luma8(MAX_SIDE + 1, 1), ImageFormat::Png);
        assert_eq!(make(&wide), Err(InvalidPicture::Broken));
        let heavy = encoded(&DynamicImage::new_rgba16(4_096, 2_100), ImageFormat::Png);
        assert!(heavy.len() < MAX_PICTURE);
        assert_eq!(make(&heavy), Err(InvalidPicture::Broken));
    }

    #[test]
    fn a_small_file_with_a_huge_picture_costs_nothing() {
        // IHDR of 60,000 by 60,000, with its CRC for what is said; nothing behind it.
        let mut png = encoded(&DynamicImage::new_luma8(1, 1), ImageFormat::Png);
        png[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
        assert_eq!(make(&png), Err(InvalidPicture::Broken));
    }

    #[tokio::test]
    async fn a_file_of_more_than_two_mebibytes_is_not_looked_at() {
        assert_eq!(Photos::new().make(vec![0; MAX_PICTURE + 1]).await, Err(InvalidPicture::TooLong));
    }
}
