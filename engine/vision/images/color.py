"""Palette, CMYK, transparency and color profiles, all brought to plain sRGB."""

from io import BytesIO

from PIL import Image, ImageCms

OPAQUE = 255


def resizable(image: Image.Image) -> Image.Image:
    """The same picture in a mode whose values can be averaged: no palette, no single bits."""
    if image.has_transparency_data:
        straight = image.convert("LA") if image.mode == "La" else image
        return straight if straight.mode == "RGBA" else straight.convert("RGBA")
    match image.mode:
        case "1":
            return image.convert("L")
        case "P":
            return image.convert("RGB")
        case _:
            return image


def to_rgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, list[str]]:
    """RGB as a screen shows it: profile applied, transparent parts on white."""
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    image, notes = screen_color(image.convert("RGB") if alpha else image, profile)
    if alpha and int(alpha.getextrema()[0]) < OPAQUE:  # type: ignore[arg-type]
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=alpha)
        return white, [*notes, "transparent parts shown on white"]
    return image, notes


def screen_color(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, list[str]]:
    """Colors turned to sRGB; a profile that is broken or made for other colors is ignored."""
    if image.mode == "LAB":  # Pillow's convert does not know it
        lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        return through(image, lab), ["Lab colors turned to sRGB"]
    if profile:
        try:
            image_cms_profile = ImageCms.ImageCmsProfile(BytesIO(profile))
            name = " ".join(ImageCms.getProfileDescription(image_cms_profile).split())[:40]
            if "sRGB" not in name:
                return through(image, image_cms_profile), [
                    f"colors turned to sRGB from the file's profile ({name})"
                ]
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass
    notes = ["CMYK turned to RGB without a profile: colors are a guess"]
    return image.convert("RGB"), notes if image.mode == "CMYK" else []


def through(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    """The picture's colors, meant in the given profile, as sRGB."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    turned = ImageCms.profileToProfile(image, profile, srgb, outputMode="RGB")
    return image.convert("RGB") if turned is None else turned
