"""Drawn documents: cards, passport pages, driving licences and letters, and what befalls them before a camera."""

import math
import random
from io import BytesIO

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageFont

ZONES = {
    "passport": ["P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"],
    "card_back": ["I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<"],
}
_FIELDS = ["SURNAME / NOM", "ERIKSSON", "GIVEN NAMES / PRENOMS", "ANNA MARIA", "DATE OF BIRTH", "12 AUG 74", "EXPIRY",
           "15 APR 2032", "DOCUMENT NO", "D23145890"]  # fmt: skip


def _font(size):
    return ImageFont.load_default(size)


def document(kind="card_front", width=1200, seed=1):
    """A document as flat as a scanner sees it, `width` pixels wide. By `seed` the face looks to another side."""
    ratio = {"passport": 88 / 125, "letter": 1.35}.get(kind, 54 / 85.6)
    height = round(width * ratio)
    random_ = random.Random(seed)
    paper = (246, 246, 242) if kind == "letter" else (206, 218, 226)
    image = Image.new("RGB", (width, height), paper)
    draw = ImageDraw.Draw(image)
    unit = width / 100
    if kind == "letter":
        _letter(draw, unit, width, height, random_)
        return image
    for line in range(60):  # the fine lines of security paper
        y0 = height * line / 60
        points = [(x, y0 + unit * 1.2 * math.sin(x / width * 12 + line)) for x in range(0, width, max(4, width // 120))]
        draw.line(points, fill=(186, 204, 212), width=max(1, round(unit / 6)))
    draw.text((4 * unit, 2 * unit), "UTOPIA  IDENTITY", fill=(20, 40, 110), font=_font(4.5 * unit))
    if kind != "card_back":
        _portrait(draw, unit, 5 * unit, 11 * unit, (seed - 1) % 6 / 2)
        for number, text in enumerate(_FIELDS):
            size = 2.0 * unit if number % 2 == 0 else 2.9 * unit
            draw.text((36 * unit, (11 + 4 * number) * unit), text, fill=(25, 25, 35), font=_font(size))
    else:
        for number in range(6):
            draw.text((6 * unit, (9 + 4 * number) * unit), _FIELDS[number], fill=(25, 25, 35), font=_font(2.5 * unit))
    for number, line in enumerate(ZONES.get(kind, [])):
        y = height - (len(ZONES[kind]) - number) * 4.2 * unit - 2 * unit
        draw.text((4 * unit, y), line, fill=(15, 15, 15), font=_font(3.1 * unit))
    return image


def _portrait(draw, unit, x, y, turned):
    draw.rectangle((x, y, x + 26 * unit, y + 34 * unit), fill=(232, 232, 230))
    draw.ellipse((x + 7 * unit, y + 5 * unit, x + 19 * unit, y + 21 * unit), fill=(205, 165, 140))
    draw.rectangle((x + 4 * unit, y + 23 * unit, x + 22 * unit, y + 34 * unit), fill=(60, 70, 110))
    for eye in (10 + turned, 16 + turned):
        draw.ellipse((x + (eye - 1) * unit, y + 11 * unit, x + (eye + 1) * unit, y + 13 * unit), fill=(40, 30, 30))


def _letter(draw, unit, width, height, random_):
    draw.text((8 * unit, 6 * unit), "Utopia Water and Power", fill=(30, 30, 30), font=_font(4 * unit))
    for line in range(34):
        words = " ".join(
            "".join(random_.choice("aeionrstlmdu") for _ in range(random_.randint(3, 9))) for _ in range(9)
        )
        draw.text((8 * unit, (20 + 3.2 * line) * unit), words[:62], fill=(40, 40, 40), font=_font(2.2 * unit))


def on_a_table(image, size=(1600, 1200), turn=3.0, colour=(92, 74, 60), seed=3):
    """A document on a wooden table, a little turned, as a phone sees it."""
    rng = random.Random(seed)
    table = Image.new("RGB", size, colour)
    draw = ImageDraw.Draw(table)
    for _ in range(70):
        y = rng.uniform(0, size[1])
        shade = tuple(part + rng.randint(-9, 9) for part in colour)
        draw.line([(0, y), (size[0], y + rng.uniform(-30, 30))], fill=shade, width=rng.randint(2, 9))
    table = table.filter(ImageFilter.GaussianBlur(2))
    fit = min(size[0] * 0.84 / image.width, size[1] * 0.84 / image.height)
    scaled = image.resize((round(image.width * fit), round(image.height * fit)), Image.Resampling.LANCZOS)
    mask = Image.new("L", scaled.size, 255).rotate(turn, Image.Resampling.BICUBIC, expand=True)
    turned = scaled.rotate(turn, Image.Resampling.BICUBIC, expand=True)
    table.paste(turned, ((size[0] - turned.width) // 2, (size[1] - turned.height) // 2), mask)
    return table.filter(ImageFilter.GaussianBlur(0.6))  # no lens draws a pixel


def blurred(image, sigma):
    return image.filter(ImageFilter.GaussianBlur(sigma))


def shaken(image, pixels, across=True):
    """A camera that moved while it looked."""
    return image.filter(ImageFilter.BoxBlur((pixels / 2, 0) if across else (0, pixels / 2)))


def noisy(image, sigma, seed=5):
    """Noise of the sensor, another in each colour."""
    random_ = random.Random(seed)
    bands = []
    for band in image.split():
        grain = Image.frombytes("L", image.size, random_.randbytes(image.width * image.height))
        # The sum of bytes would be slow to draw normally; uniform noise of the same deviation does as well.
        scale = sigma * math.sqrt(12) / 256
        shift = grain.point([round(128 + (value - 127.5) * scale) for value in range(256)])
        bands.append(ImageChops.add(band, shift, 1, -128))
    return Image.merge("RGB", bands)


def dimmed(image, factor):
    return ImageEnhance.Brightness(image).enhance(factor)


def reflected(image, at=(0.6, 0.5), radius=0.12):
    """A lamp in the laminate: white in the middle, fading away."""
    width, height = image.size
    small = Image.new("L", (width // 8, height // 8))
    pixels = small.load()
    for y in range(small.height):
        for x in range(small.width):
            far = math.hypot(x - at[0] * small.width, y - at[1] * small.height) / (radius * small.width)
            pixels[x, y] = round(255 * min(1.0, 1.6 * math.exp(-(far**2) * 0.8)))
    glow = small.resize(image.size, Image.Resampling.BICUBIC)
    return Image.composite(Image.new("RGB", image.size, "white"), image, glow)


def jpeg(image, quality=85, **more):
    out = BytesIO()
    image.save(out, "JPEG", quality=quality, **more)
    return out.getvalue()


def saved(image, kind, **more):
    out = BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()
