import torch
from torch import nn

from headstart.backbones.fingerprint import fingerprint


def _module() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


def test_equal_weights_have_one_name() -> None:
    assert fingerprint(_module()) == fingerprint(_module())
    assert len(fingerprint(_module())) == 64


def test_every_parameter_and_buffer_counts() -> None:
    names = [fingerprint(_module())]
    for name in _module().state_dict():
        module = _module()
        module.state_dict()[name].add_(1)
        names.append(fingerprint(module))
    assert len(set(names)) == len(names) == 8


def test_running_statistics_of_a_forward_count() -> None:
    module = _module()
    before = fingerprint(module)
    module.eval()(torch.ones(4, 3))
    assert fingerprint(module) == before
    module.train()(torch.ones(4, 3))
    assert fingerprint(module) != before


def test_names_types_and_shapes_count() -> None:
    def named(name: str, value: torch.Tensor) -> str:
        module = nn.Module()
        module.register_buffer(name, value)
        return fingerprint(module)

    zeros = torch.zeros(2, 2)
    others = [zeros.view(4), zeros.to(torch.int32), zeros.to(torch.bfloat16)]
    found = {named("a", zeros), named("b", zeros), *(named("a", other) for other in others)}
    assert len(found) == 5


def test_memory_layout_does_not_count() -> None:
    one, two = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3)
    two.load_state_dict(one.state_dict())
    assert fingerprint(one) == fingerprint(two.to(memory_format=torch.channels_last))
