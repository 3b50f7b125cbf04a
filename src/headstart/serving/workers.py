"""Several processes behind one port."""

from uvicorn.supervisors import Multiprocess


class Workers(Multiprocess):
    """uvicorn's workers, whose port is closed when the last of them stops taking requests.

    uvicorn keeps it open until all have ended: what came meanwhile was accepted by the system, and
    answered by nobody.
    """

    def terminate_all(self) -> None:
        """Ask every worker to stop; the port is theirs alone from then on."""
        for each in self.sockets:
            each.close()
        super().terminate_all()
