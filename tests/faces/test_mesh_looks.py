"""What pictures do to the mesh face model: drawn eyes, smiles with teeth, backdrops with a shadow about the person."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from vasa_core.arkit import INDEX
from vasa_core.faces.mesh.background import split_picture
from vasa_core.faces.mesh.drawn_eyes import fit_iris, lid_is_lower_by
from vasa_core.faces.mesh.layout import FaceLayout
from vasa_core.faces.mesh.model import MeshFaceModel
from vasa_core.media.read import read_image
from vasa_core.vision.crop import crop_face
from vasa_core.vision.model import load_vision

ASTRONAUT = Path(__file__).parents[2] / "assets" / "astronaut.png"
SKIN, WHITE, IRIS = (torch.tensor(c).view(3, 1, 1) for c in ((0.85, 0.6, 0.5), (0.9, 0.9, 0.9), (0.2, 0.4, 0.7)))


@pytest.fixture(scope="module")
def crop():
    return crop_face(load_vision(), read_image(ASTRONAUT))


def drawn_eye(centre=(62.0, 42.0), radius=16.0, bottom=60.0):
    """(3, 80, 128): skin, a white opening from y = 25 to `bottom`, and an iris."""
    y, x = torch.meshgrid(torch.arange(80) + 0.5, torch.arange(128) + 0.5, indexing="ij")
    opening = ((x - 64).abs() < 40) & (y > 25) & (y < bottom)
    iris = (torch.hypot(x - centre[0], y - centre[1]) < radius) & opening
    image = torch.where(opening, WHITE, SKIN)
    return torch.where(iris, IRIS, image)


def line(y):
    return torch.stack([torch.linspace(24.0, 104.0, 9), torch.full((9,), float(y))], dim=1)


def test_the_iris_of_a_drawn_eye_is_found():
    image = drawn_eye()
    centre, radius = fit_iris(image, line(25), line(60), torch.tensor([58.0, 38.0]), 12.0)
    assert (centre - torch.tensor([62.0, 42.0])).norm() < 2.0 and abs(radius - 16.0) < 1.5
    found = torch.tensor([62.0, 42.0])
    centre, radius = fit_iris(image, line(25), line(60), found, 16.0)
    assert centre.equal(found) and radius == 16.0  # a right one stays


def test_an_edge_on_one_side_is_no_iris():
    image = drawn_eye(radius=0.0)
    image[:, 26:59, 75:] = 0.2  # a shadow over half of the eye
    found = torch.tensor([62.0, 42.0])
    assert fit_iris(image, line(25), line(60), found, 12.0)[0].equal(found)


def test_the_lower_lid_of_a_drawn_eye_is_found():
    down = torch.tensor([0.0, 100.0])  # pixels of a unit
    assert lid_is_lower_by(drawn_eye(bottom=60.0), line(55), down) == pytest.approx(0.05, abs=0.012)
    assert lid_is_lower_by(drawn_eye(bottom=60.0), line(60), down) < 0.012


def test_lips_of_a_smile_meet_in_a_dark_line_and_not_in_teeth(crop):
    model, layout = MeshFaceModel(), FaceLayout(crop)
    portrait = model.encode(crop)
    assert layout.shows_teeth and portrait.mouth.rims is not None
    closed = portrait.rest.dynamics.clone()
    closed[0, INDEX["jawOpen"]] = 0.03  # all but shut
    frame = model.decode(portrait, replace(portrait.rest, dynamics=closed))[0]
    (x, y), below = layout.landmarks[13, :2].round().int().tolist(), int(0.06 * layout.unit)
    rows = frame[:, y - 6 : y + below, x - 4 : x + 5].mean((0, 2))  # light from the upper lip down into the lower one
    assert rows[:6].min() < 0.75 * rows[6:].median()  # lips meet in a dark line


def test_a_shadow_about_the_person_does_not_stay_on_the_backdrop(crop):
    y, x = torch.meshgrid(torch.arange(512), torch.arange(512), indexing="ij")
    middle = crop.landmarks[[10, 152], :2].mean(0)
    across = torch.hypot(x - middle[0], 0.8 * (y - middle[1]))
    image = torch.full((3, 512, 512), 0.5)
    image[:, across < 128] = 0.40  # shadow
    image[:, across < 120] = 0.15
    matte = (across < 120).float()
    _, plate = split_picture(FaceLayout(replace(crop, image=image, matte=matte)), matte)
    assert (plate - 0.5).abs().max() < 0.03
