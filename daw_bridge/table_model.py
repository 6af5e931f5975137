"""The table's rows of the model: which one plays, which there are, how another is loaded."""

from daw_bridge.arguments import Argument, Kind
from daw_bridge.requests import AskModels, CancelModel, LoadModel
from daw_bridge.table_rows import Access, Row

MODEL: tuple[Row, ...] = (
    Row(
        "/model",
        Access.READ,
        "The model that plays.",
        (Argument("name", Kind.STRING, default=""),),
        shows="model",
    ),
    Row(
        "/model/list",
        Access.ACTION,
        "Names of the models that came with the daemon.",
        make=AskModels,
        reply="s:name …, then /done s:address i:id i:count",
    ),
    Row(
        "/model/load",
        Access.ACTION,
        "Load a model by its name or, from this machine, by its folder. It is verified and warmed "
        "beside the one that plays, which goes on until the new one can take over, between two "
        "takes. One that is refused changes nothing.",
        (Argument("name", Kind.STRING),),
        LoadModel,
        reply="/done s:address i:id s:model f:load_ms",
    ),
    Row(
        "/model/cancel",
        Access.ACTION,
        "Do not load it after all.",
        make=CancelModel,
        ignores_zero=True,
    ),
)
