"""The metadata of a model card, in the format of the Hugging Face Hub."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from huggingface_hub import EvalResult, ModelCardData

from sweeper.records.record import ScoreRecord
from sweeper.space import CLEAN, Space
from sweeper.tasks.spec import Rows, Task

from ..results.load import RunData
from .choice import Chosen
from .usage import ENCODER_TAG, USAGES

HUB_METRICS = {"em": "exact_match"}
"""Metric of the sweeper -> its id on the Hub, if it has another name there."""
HUB_LICENCES = (
    *("apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "gpl-3.0", "odc-by", "odbl", "cc0-1.0", "cc-by-2.0"),
    *("cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0"),
)
"""Licences of the Hub's list that data sets often have."""
OTHER_LICENCE = {"license": "other", "license_name": "licences-of-the-training-data", "license_link": "LICENSE.md"}
LANGUAGE = re.compile(r"[a-z]{2,3}")
"""The language codes that a card may have: ISO 639-1 to 639-3."""
HUB_ID = re.compile(r"[\w-]+(/[\w.-]+)?")


def card_metadata(data: RunData, chosen: Chosen) -> ModelCardData:
    """The metadata of the card: languages, licence, base model, data sets, and the results of the exported weights."""
    space, trained = data.space, trained_tasks(chosen)
    results = list(_results(space, chosen, measured_scores(data, chosen)))
    licence = licence_fields(task.licence for task in trained)
    usage = USAGES[space.task(chosen.target).format] if chosen.with_head else None
    return ModelCardData(
        language=sorted(_languages(chosen, results)) or None,
        library_name="transformers",
        pipeline_tag=usage.tag if usage else ENCODER_TAG,
        base_model=None if is_folder(chosen.model.id) else chosen.model.id,
        datasets=_data_sets(space, trained) or None,
        metrics=sorted({result.metric_type for result in results}) or None,
        tags=["intermediate-task-training", "transfer-sweeper"],
        model_name=f"{chosen.model.name}-{chosen.recipe}-{chosen.target}" if results else None,
        eval_results=results or None,
        license=licence.get("license"),
        license_name=licence.get("license_name"),
        license_link=licence.get("license_link"),
    )


def measured_scores(data: RunData, chosen: Chosen) -> tuple[ScoreRecord, ...]:
    """The scores of the exported weights themselves, on every target that they were scored on; not those that were
    measured after further training.
    """
    if not chosen.scores or chosen.later:
        return ()
    own = (score for score in data.cell_scores if score.training == chosen.record.key)
    return tuple(score for score in own if score.condition == CLEAN)


def trained_tasks(chosen: Chosen) -> list[Task]:
    """The tasks that the exported weights were trained on, each once, with absolute paths of local data."""
    names = dict.fromkeys(data.task for stage in chosen.encoder for data in stage.all_data)
    return [chosen.tasks[name] for name in names]


def licence_fields(licences: Iterable[str]) -> dict[str, str]:
    """The licence of the weights: that of the data if all have the same one, otherwise `other`."""
    found = {_hub_licence(licence) for licence in licences}
    [licence] = found if len(found) == 1 else [""]
    return {"license": licence} if licence else dict(OTHER_LICENCE)


def _hub_licence(text: str) -> str:
    """The Hub's id of a licence such as `CC BY 4.0 (non-commercial)`, or "" if the text is not a single licence."""
    name = re.sub(r" (\(.*\)|according to its card)$", "", text.strip()).lower().replace(" ", "-")
    return name if name in HUB_LICENCES else ""


def is_folder(id_: str) -> bool:
    """Whether a model or a data set is a folder or file of this machine. The plan has made its path absolute."""
    return Path(id_).is_absolute()


def hub_id(space: Space, rows: Rows) -> str:
    """The id of a data set on the Hub; "" for a local or a generated one."""
    is_local = is_folder(rows.id) or bool(space.world) or rows.id.startswith("local/")
    return "" if is_local or not HUB_ID.fullmatch(rows.id) else rows.id


def _data_sets(space: Space, tasks: Iterable[Task]) -> list[str]:
    rows = (rows for task in tasks for rows_list in task.train.values() for rows in rows_list)
    return list(dict.fromkeys(filter(None, (hub_id(space, each) for each in rows))))


def _languages(chosen: Chosen, results: Iterable[EvalResult]) -> set[str]:
    """Codes of the languages that the weights were trained in, and of those that they were scored in."""
    trained = {code for stage in chosen.encoder for data in stage.all_data for code in data.languages}
    scored = {str(result.dataset_args["language"]) for result in results if result.dataset_args}
    return {code for code in (code.split("-")[0] for code in trained | scored) if LANGUAGE.fullmatch(code)}


def _results(space: Space, chosen: Chosen, scores: Iterable[ScoreRecord]) -> Iterator[EvalResult]:
    """One result for each target, language and metric, as fractions of 1 (nats for a loss)."""
    for score in sorted(scores, key=lambda score: score.key):
        task = chosen.tasks.get(score.target) or space.task(score.target)
        # An encoder may be scored by a trial of its own. A path in an own task of the space is then not absolute.
        may_be_on_hub = task.name in chosen.tasks or task.name not in {own.name for own in space.tasks}
        usage = USAGES.get(task.format)
        for language, metrics in sorted(score.metrics.items()):
            rows = task.rows(score.split)[language][0]
            for name, value in metrics.items():
                yield EvalResult(
                    task_type=usage.tag if usage else ENCODER_TAG,
                    dataset_type=(may_be_on_hub and hub_id(space, rows)) or task.name,
                    dataset_name=f"{task.title} ({language})",
                    dataset_config=None if is_folder(rows.id) else rows.config,
                    dataset_split=rows.split,
                    dataset_args={"language": language},
                    metric_type=HUB_METRICS.get(name, name),
                    metric_value=value,
                )
