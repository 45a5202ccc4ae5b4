"""A job as programs and the pages' own scripts are told of it."""

from __future__ import annotations

from marshmallow import fields, validate

from portal.services.jobs.queue import STATES
from portal.views.api.shapes import Moment, Sent, Told, identity


class JobTold(Told):
    id = fields.Integer(attribute="job.id")
    kind = fields.String(attribute="job.kind")
    title = fields.String(attribute="job.title")
    state = fields.String(attribute="job.state", validate=validate.OneOf(STATES))
    case = fields.Integer(attribute="job.case_id", allow_none=True)
    image = fields.Integer(attribute="job.image_id", allow_none=True)
    done = fields.Integer(attribute="job.done", metadata={"description": "Parts, of `total`."})
    total = fields.Integer(attribute="job.total", metadata={"description": "0 while it is not known."})
    percent = fields.Integer(attribute="progress.percent", allow_none=True)
    seconds_left = fields.Float(attribute="progress.seconds_left", allow_none=True, metadata={
        "description": "Of work; waiting for a turn comes on top. Null until it can be told."})
    ahead = fields.Integer(metadata={"description": "While it waits: so many jobs have their turn first."})
    note = fields.String(attribute="job.note")
    reason = fields.String(attribute="job.reason", metadata={"description": "Why it failed, or that it was cancelled."})
    result = fields.Dict(attribute="told", allow_none=True)
    created_at = Moment(attribute="job.created_at")
    started_at = Moment(attribute="job.started_at", allow_none=True)
    ended_at = Moment(attribute="job.ended_at", allow_none=True)


class JobList(Told):
    jobs = fields.List(fields.Nested(JobTold), attribute="lines")
    next_cursor = fields.Integer(attribute="before", allow_none=True)


class JobQuery(Sent):
    cursor = identity(metadata={"description": "The `next_cursor` of the page before."})
