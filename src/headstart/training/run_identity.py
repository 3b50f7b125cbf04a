"""What an unfinished training belongs to: it goes on with the same, and refuses anything else."""

from dataclasses import fields

from headstart.features.trunk import Trunk
from headstart.installed import version_of
from headstart.spec import FitSpec, flag
from headstart.spec.decision import DECISIONS
from headstart.training.threads import threads

# What corrections change is in the data; the others say what is done once a model is trained.
_NO_MATTER = (
    *("offline", "strict", "root", "allow_root", "device", "corrections"),
    *("learning_curve", "track", *DECISIONS),
)


def run_identity(digest: str, trunk: Trunk, fingerprint: str, spec: FitSpec) -> dict[str, object]:
    """Data, network, options, device and versions, by what to call them.

    Args:
        digest: of the data.
        trunk: says where it is computed.
        fingerprint: of all the weights that training starts from.
        spec: the options.
    """
    names = ("headstart", "torch", "timm", "transformers", "peft", "openvino")
    return {
        "the data": digest,
        "the backbone": f"{fingerprint} {trunk.backbone.function}",
        **{
            flag(each.name): getattr(spec, each.name)
            for each in fields(spec)
            if each.name not in _NO_MATTER
        },
        "the device": f"{trunk.where} {trunk.precision}",
        "the number of threads": threads(),
        **{f"the version of {name}": version_of(name) for name in names},
    }
