"""Where the gradient of each loss of the face stage goes, and where it does not."""

import pytest
import torch

from tests.faces.vasa_kit import lively_network
from vasa_core.faces.vasa.network import EncodedFace
from vasa_core.metrics.recognition import RecognitionNetwork, RecognitionSizes
from vasa_core.train import face_losses
from vasa_core.train.discriminator import Discriminator, feature_distance, hinge_made, hinge_real_and_made
from vasa_core.train.face_stage import frozen


@pytest.fixture
def network():
    return lively_network()


def leaf_face(network, seed):
    """An encoded face of two rows whose codes are leaves, to see which of them a gradient reaches."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        face = network.encode(torch.rand(2, 3, 64, 64, generator=generator))
    return EncodedFace(*(part.clone().requires_grad_() for part in vars(face).values()))


def reached(face):
    """Names of the codes that have a gradient."""
    return {name for name, part in vars(face).items() if part.grad is not None and float(part.grad.abs().sum()) > 0}


def parts_reached(network):
    """Names of the parts of a network whose parameters have a gradient."""
    found = set()
    for name, parameter in network.named_parameters():
        if parameter.grad is not None and float(parameter.grad.abs().sum()) > 0:
            found.add(".".join(name.split(".")[: 2 if name.startswith("codes") else 1]))
    return found


ENCODERS = {"codes.identity", "codes.pose", "codes.dynamics", "appearance", "source_warp", "canonical"}
DECODERS = {"target_warp", "decoder"}


def test_pairwise_reaches_what_it_compares_and_no_other_code(network):
    first, second = leaf_face(network, 1), leaf_face(network, 2)
    face_losses.pairwise_loss(*face_losses.cross_transfers(network, first, second), second.pose).backward()
    assert reached(first) == {"volume", "identity", "dynamics"}  # its pose is not used
    assert reached(second) == {"volume", "identity", "pose"}  # its dynamics are not used
    assert parts_reached(network) == DECODERS


def test_pairwise_is_nothing_where_both_frames_are_one(network):
    face = leaf_face(network, 1)
    with torch.no_grad():
        same = face_losses.cross_transfers(network, face, face)
        other = face_losses.cross_transfers(network, face, leaf_face(network, 2))
    assert float(face_losses.pairwise_loss(*same, face.pose)) == 0.0
    assert float(face_losses.pairwise_loss(*other, face.pose)) > 1e-3


def test_reconstruction_reaches_all_parts(network):
    pictures = torch.rand(2, 2, 3, 64, 64)
    first, second = network.encode(pictures[0]), network.encode(pictures[1])
    made = network.decode(first.volume, first.identity, second.pose, second.dynamics)
    face_losses.reconstruction_loss(made, pictures[1]).backward()
    assert parts_reached(network) == ENCODERS | DECODERS


def test_face_reaches_all_parts_but_no_pose_through_its_view(network):
    pictures, pose = torch.rand(2, 2, 3, 64, 64), torch.zeros(2, 6, requires_grad=True)
    first, second = network.encode(pictures[0]), network.encode(pictures[1])
    made = network.decode(first.volume, first.identity, second.pose, second.dynamics)
    face_losses.face_loss(made, pictures[1], pose).backward()
    assert parts_reached(network) == ENCODERS | DECODERS
    assert pose.grad is None


def test_face_sees_what_lies_between_brows_and_chin_wherever_the_head_is():
    real, frontal, aside = torch.zeros(1, 3, 64, 64), torch.zeros(1, 6), torch.tensor([[0.0, 0.0, 0.0, 0.5, 0.0, 0.0]])
    mouth, hair = real.clone(), real.clone()
    mouth[:, :, 40, 32] = 1.0
    hair[:, :, 2:10] = 1.0
    assert float(face_losses.face_loss(mouth, real, frontal)) > 0.0
    assert float(face_losses.face_loss(mouth, real, aside)) == 0.0
    assert float(face_losses.face_loss(mouth.roll(16, 3), real, aside)) > 0.0
    assert float(face_losses.face_loss(hair, real, frontal)) == 0.0


def test_pose_reaches_the_pose_encoder_only(network):
    face_losses.pose_loss(network.codes.read_pose(torch.rand(2, 3, 64, 64)), torch.zeros(2, 6)).backward()
    assert parts_reached(network) == {"codes.pose"}
    quarter = torch.full((2, 6), 0.25)
    assert float(face_losses.pose_loss(quarter, torch.zeros(2, 6))) == pytest.approx(1.0)


def test_cycle_reaches_encoders_and_decoder_but_not_what_was_asked_for(network):
    source, driver = leaf_face(network, 1), leaf_face(network, 2)
    made = network.decode(source.volume, source.identity, driver.pose.detach(), driver.dynamics.detach())
    face_losses.cycle_loss(network, made, driver.pose, driver.dynamics).backward()
    assert reached(driver) == set()
    assert reached(source) == {"volume", "identity"}
    assert parts_reached(network) == {"codes.pose", "codes.dynamics"} | DECODERS


def test_cycle_is_least_for_the_motion_that_is_seen(network):
    pictures = torch.rand(4, 3, 64, 64)
    with torch.no_grad():
        pose, dynamics = network.read_motion(pictures)
        right = face_losses.cycle_loss(network, pictures, pose, dynamics)
        assert right < face_losses.cycle_loss(network, pictures, pose, dynamics.roll(1, 0))
        assert right < face_losses.cycle_loss(network, pictures, pose + 0.2, dynamics)


def test_identity_reaches_the_source_but_neither_judge_nor_pose(network):
    judge = RecognitionNetwork(RecognitionSizes(16, (8,), (1,), 8)).eval().requires_grad_(False)
    source, driver = leaf_face(network, 1), leaf_face(network, 2)
    made = network.decode(source.volume, source.identity, driver.pose.detach(), driver.dynamics)
    pictures = torch.rand(2, 3, 64, 64)
    face_losses.identity_loss(judge, made, driver.pose, pictures, source.pose).backward()
    assert reached(source) == {"volume", "identity"}
    assert reached(driver) == {"dynamics"}  # so that it learns to hold nobody's identity
    assert parts_reached(network) == DECODERS
    same = face_losses.identity_loss(judge, pictures, driver.pose, pictures, driver.pose)
    assert float(same) == pytest.approx(0.0, abs=1e-5)


def test_the_adversary_and_the_network_learn_apart(network):
    torch.manual_seed(0)
    adversary = Discriminator(width=8)
    face, real = leaf_face(network, 1), torch.rand(2, 3, 64, 64)
    made = network.decode(face.volume, face.identity, face.pose, face.dynamics)
    with frozen(adversary):
        scores, features = adversary(made)
        (hinge_made(scores) + feature_distance(adversary(real)[1], features)).backward()
    assert parts_reached(network) == DECODERS and parts_reached(adversary) == set()
    network.zero_grad()
    hinge_real_and_made(adversary(real)[0], adversary(made.detach())[0]).backward()
    assert parts_reached(adversary) == {"parts"} and parts_reached(network) == set()


def test_hinge_wants_real_above_one_and_made_below_minus_one():
    good = hinge_real_and_made([torch.full((2, 1, 3, 3), 1.5)], [torch.full((2, 1, 3, 3), -1.5)])
    unsure = hinge_real_and_made([torch.zeros(2, 1, 3, 3)], [torch.zeros(2, 1, 3, 3)])
    assert float(good) == 0.0 and float(unsure) == 2.0
    assert hinge_made([torch.ones(1)]) < hinge_made([torch.zeros(1)])
    assert float(feature_distance([[torch.ones(3)]], [[torch.zeros(3)]])) == 1.0
