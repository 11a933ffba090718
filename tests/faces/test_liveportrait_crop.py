"""LivePortrait's crop and paste-back against what OpenCV and the published program made of a picture."""

import pytest
import torch

from tests.goldens import golden, relative_error
from vasa_core.faces.liveportrait import crop as lp
from vasa_core.geometry import apply_homography
from vasa_core.vision.crop import covers_whole_pixels, paste_back
from vasa_core.vision.warp import pixel_centres, rounded_mask, warp

LIMIT = 1e-5
# Left eye, right eye, mouth corners of the published landmark sets.
SETS = {
    203: ((0, 6, 12, 18), (24, 30, 36, 42), (48, 66)),
    106: ((33, 35, 40, 39), (87, 89, 94, 93), (52, 61)),
    101: ((39, 42, 45, 48), (51, 54, 57, 60), (75, 81)),
    68: ((36, 39), (42, 45), (48, 54)),
}
HALF_PIXEL = torch.tensor([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]], dtype=torch.float64)


@pytest.fixture(scope="module")
def recorded():
    return golden("lp_crop")


@pytest.fixture(scope="module")
def picture(recorded):
    return recorded["picture"].permute(2, 0, 1).float()


def square(recorded, count, use_lip=True, scale=lp.SOURCE_SCALE, lift=lp.SOURCE_LIFT):
    """The square around recorded points, in the published coordinates, where a pixel's centre is a whole number."""
    points = recorded[f"pts_{count}"].double()
    left, right, mouth = (points[list(index)].mean(0) for index in SETS[count])
    return lp.square_around(points, left, right, mouth if use_lip else None, scale, lift)


def crop_matrix(recorded, count=203, turned=True, **options):
    centre, side, angle = square(recorded, count, **options)
    return lp.square_to_crop(centre + 0.5, side, angle if turned else 0.0, 512)


def levels_apart(ours, recorded, share=1.0):
    """Largest difference in grey levels among this share of the values."""
    return float((ours - recorded.float()).abs().flatten().double().quantile(share))


@pytest.mark.parametrize("count", SETS)
@pytest.mark.parametrize("use_lip", [True, False])
def test_squares(recorded, count, use_lip):
    (x, y), side, angle = square(recorded, count, use_lip)
    assert relative_error(torch.tensor([x, y, side, side, angle]), recorded[f"rect_{count}_{int(use_lip)}"]) < LIMIT


@pytest.mark.parametrize("count", SETS)
@pytest.mark.parametrize("turned", [True, False])
def test_crop_matrices(recorded, count, turned):
    matrix = crop_matrix(recorded, count, turned).double()
    published = torch.linalg.inv(HALF_PIXEL) @ matrix @ HALF_PIXEL
    assert relative_error(published, recorded[f"M_o2c_{count}_{int(turned)}"]) < LIMIT
    assert relative_error(torch.linalg.inv(published), recorded[f"M_c2o_{count}_{int(turned)}"]) < LIMIT


@pytest.mark.parametrize("turned", [True, False])
def test_crops(recorded, picture, turned):
    """OpenCV rounds where it samples to 1/32 pixel, so that one value in a thousand is a third level away."""
    matrix = crop_matrix(recorded, turned=turned)
    ours = warp(picture[None], matrix, (512, 512))[0].permute(1, 2, 0)[::8, ::8]
    assert levels_apart(ours, recorded[f"crop_{int(turned)}_ds8"], 0.999) < 2
    points = apply_homography(matrix, recorded["pts_203"].double() + 0.5) - 0.5
    assert relative_error(points[:12], recorded[f"ptcrop_{int(turned)}"].double()) < LIMIT


def test_the_crop_that_networks_see(recorded, picture):
    crop = warp(picture[None], crop_matrix(recorded), (512, 512)).round()
    ours = lp.network_input(crop)[0].permute(1, 2, 0)[::4, ::4]
    for name in ("area", "linear"):  # of half the size, which is the same
        assert levels_apart(ours, recorded[f"crop256_{name}_ds4"], 0.9999) < 2


def test_driving_box(recorded, picture):
    matrix = crop_matrix(recorded, turned=False, scale=lp.DRIVING_SCALE, lift=lp.DRIVING_LIFT)
    published = torch.linalg.inv(HALF_PIXEL) @ matrix.double() @ HALF_PIXEL
    assert relative_error(published, recorded["bbox_M_o2c"]) < LIMIT
    ours = warp(picture[None], matrix, (512, 512))[0].permute(1, 2, 0)[::8, ::8]
    assert levels_apart(ours, recorded["bbox_crop_ds8"]) < 2


def test_paste_back_and_its_mask(recorded, picture):
    y, x = torch.meshgrid(torch.arange(512), torch.arange(512), indexing="ij")
    face = torch.stack([x // 2, y // 2, (x + y) // 4])[None] / 255.0
    matrix = crop_matrix(recorded)
    ours = paste_back(face, picture / 255.0, matrix)[0].permute(1, 2, 0) * 255.0
    assert levels_apart(ours[::3, ::3], recorded["paste_ds3"]) < 2
    template = (255 * rounded_mask(pixel_centres((512, 512)), 512, 16)).floor()
    mask = warp(template[None, None].float(), torch.linalg.inv(matrix), tuple(picture.shape[1:]))[0, 0]
    assert levels_apart(mask[::4, ::4], recorded["paste_mask_ds4"] * 255.0) < 2
    assert torch.equal(template[::8, ::8], recorded["mask_template_ds8"].double())
    assert torch.equal(template[256], recorded["mask_row256"].double())
    assert torch.equal(template[:, 256], recorded["mask_col256"].double())


def test_ratios_and_sizes(recorded):
    points = recorded["pts_203"]
    eyes = torch.stack([lp.opening(points, 6, 18, 0, 12), lp.opening(points, 30, 42, 24, 36)])
    assert relative_error(eyes[None], recorded["eye_ratio"]) < LIMIT
    assert relative_error(lp.opening(points, 90, 102, 48, 66)[None, None], recorded["lip_ratio"]) < LIMIT
    sizes = [name.split("_")[1:] for name in recorded if name.startswith("limit_")]
    assert len(sizes) == 4
    for height, width in sizes:
        assert list(lp.limited_size(int(height), int(width))) == recorded[f"limit_{height}_{width}"].tolist()


def face_points(turn=0.0):
    """478 points, those that matter like a face of 300 px, turned clockwise by `turn` radians about (400, 300)."""
    points = torch.rand(478, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([200.0, 250.0])
    points = points + torch.tensor([-100.0, -150.0])
    points[127], points[356] = torch.tensor([-110.0, -40.0]), torch.tensor([110.0, -40.0])
    points[105], points[152] = torch.tensor([-50.0, -100.0]), torch.tensor([0.0, 150.0])
    for eye, x in ((lp.LEFT_EYE, -50.0), (lp.RIGHT_EYE, 50.0)):
        points[list(eye)] = torch.tensor([[x, 0.0], [x, 0.0], [x, -5.0], [x, 5.0]]) + torch.tensor([0.0, -40.0])
        points[eye[0], 0] -= 20.0
        points[eye[1], 0] += 20.0
    points[61], points[291] = torch.tensor([-30.0, 80.0]), torch.tensor([30.0, 80.0])
    points[13], points[14] = torch.tensor([0.0, 77.0]), torch.tensor([0.0, 83.0])
    kept = points[list(lp.RECTANGLE)].clamp(torch.tensor([-110.0, -100.0]), torch.tensor([110.0, 150.0]))
    points[list(lp.RECTANGLE)] = kept
    cos, sin = torch.cos(torch.tensor(turn)), torch.sin(torch.tensor(turn))
    rotation = torch.stack([torch.stack([cos, -sin]), torch.stack([sin, cos])])
    return points @ rotation.T + torch.tensor([400.0, 300.0])


def test_our_landmarks_frame_the_face_upright():
    for turn in (0.0, 0.5, -0.8):
        matrix = lp.PublishedFraming()(face_points(turn), 512)
        eyes = apply_homography(matrix, face_points(turn)[[*lp.LEFT_EYE, *lp.RIGHT_EYE]])
        mouth = apply_homography(matrix, face_points(turn)[[61, 291]]).mean(0)
        assert float((eyes.mean(0) - mouth)[0].abs()) < 1e-2  # the mouth stands below the eyes
        box = apply_homography(matrix, face_points(turn)[list(lp.RECTANGLE)])
        extent = float((box.amax(0) - box.amin(0)).amax())
        assert extent == pytest.approx(512 / 2.3, rel=1e-3)
        middle = (box.amax(0) + box.amin(0)) / 2
        assert float(middle[1]) == pytest.approx(256.5 + 0.125 * 512, abs=0.1)  # room for hair
    assert not covers_whole_pixels(lp.PublishedFraming()(face_points(0.5), 512), 512)
    upright = lp.PublishedFraming(turned=False)(face_points(0.5), 512)
    assert float(upright[0, 1]) == 0.0


def test_our_landmarks_tell_how_open_eyes_and_mouth_are():
    points = face_points(0.3)
    torch.testing.assert_close(lp.eye_openings(points), torch.tensor([0.25, 0.25]), atol=1e-4, rtol=0)
    torch.testing.assert_close(lp.lip_opening(points), torch.tensor([0.1]), atol=1e-4, rtol=0)


def test_the_driving_crop_is_the_mean_of_the_frames():
    near, far = face_points(), face_points() + torch.tensor([40.0, -20.0])
    matrix = lp.driving_crop(torch.stack([near, far]), 512)
    alone = [lp.driving_crop(points[None], 512) for points in (near, far)]
    torch.testing.assert_close(matrix, (alone[0] + alone[1]) / 2)


@pytest.mark.parametrize("size", [256, 512, 1024])
def test_frames_of_any_size_are_pasted_in_their_place(size):
    """A picture cut and put back is itself inside, and untouched outside, at the picture's own resolution."""
    y, x = torch.meshgrid(torch.linspace(0, 4, 1000), torch.linspace(0, 5, 1200), indexing="ij")
    picture = torch.stack([x.sin(), (x + y).cos(), (2 * y).sin()]) * 0.4 + 0.5
    matrix = lp.PublishedFraming()(face_points(0.4) + torch.tensor([200.0, 200.0]), size)
    pasted = paste_back(warp(picture[None], matrix, (size, size)), picture, matrix)[0]
    assert pasted.shape == picture.shape
    assert float((pasted - picture).abs().max()) < (0.05 if size == 256 else 0.02)
    white = paste_back(torch.ones(1, 3, size, size), torch.zeros_like(picture), matrix)[0, 0]
    assert float(white[500, 600]) == 1.0 and float(white[:, :5].max()) == 0.0
    wide = paste_back(torch.ones(1, 3, size, size), torch.zeros_like(picture), matrix, feather=0.2)[0, 0]
    assert float(wide.sum()) < 0.8 * float(white.sum())
