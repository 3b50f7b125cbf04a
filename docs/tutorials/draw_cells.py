"""Draws 360 images of stained blood cells: twelve patients, of whom six are infected.

Each patient's smear has a colour of its own, as stains have; infected cells hold dark dots.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIDE, PATIENTS, IMAGES = 160, 12, 30


def main() -> None:
    """Write `cells/healthy` and `cells/infected`."""
    for patient in range(PATIENTS):
        random = np.random.default_rng(patient)
        label = "infected" if patient % 2 else "healthy"
        stain = random.integers((200, 150, 170), (245, 215, 225))
        folder = Path("cells") / label
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(IMAGES):
            smear(random, stain, infected=label == "infected").save(
                folder / f"patient{patient:02}_{number:02}.png"
            )
    print(f"cells/healthy and cells/infected hold {PATIENTS * IMAGES} images.")


def smear(random: np.random.Generator, stain: np.ndarray, *, infected: bool) -> Image.Image:
    """One image of some cells; dots in three of them where the blood is infected."""
    image = Image.new("RGB", (SIDE, SIDE), tuple(stain.tolist()))
    pen = ImageDraw.Draw(image)
    for number in range(random.integers(6, 11)):
        x, y = random.integers(15, SIDE - 15, 2).tolist()
        radius = int(random.integers(13, 20))
        pen.ellipse(around(x, y, radius), fill=tuple((stain * 0.82).astype(int).tolist()))
        if infected and number < 3:
            dot = x + int(random.integers(-6, 7)), y + int(random.integers(-6, 7))
            pen.ellipse(around(*dot, 3), fill=(95, 50, 130))
    noise = random.normal(0, 6, (SIDE, SIDE, 3))
    pixels = np.asarray(image.filter(ImageFilter.GaussianBlur(1))) + noise
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def around(x: int, y: int, radius: int) -> tuple[int, int, int, int]:
    """The box of a circle."""
    return x - radius, y - radius, x + radius, y + radius


if __name__ == "__main__":
    main()
