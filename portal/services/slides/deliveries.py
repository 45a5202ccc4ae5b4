"""Large files on their way in: begun, continued wherever they stopped, and handed to a job when they are whole.

How much of a file is here is what lies on the disk as far as the row vouches for it; whoever sends asks, and goes on
from there. Deliveries are their sender's alone.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from config import Settings
from portal.extensions import db
from portal.services import audit
from portal.services.errors import DeliveryRefused, NotFound, PixelSizeProblem, WrongOffset
from portal.services.file_facts import facts
from portal.services.jobs import queue
from portal.services.jobs.carrier import Carrier
from portal.services.jobs.queue import Order
from portal.services.slides import pixel_size
from portal.services.slides.recognise import HEAD_BYTES, why_no_slide
from portal.storage import deliveries
from portal.storage.incoming import Incoming
from portal.storage.tables.cases import Delivery
from portal.storage.tables.columns import now

log = logging.getLogger("portal.slides")

KIND = "slide-import"
CHUNK_BYTES = 8 * 2**20
MOST_UNFINISHED = 20
SPARE_BYTES = 10**9
ROOM = 2.5
"""Times its size that a slide may take until it is kept: as it was sent, unpacked, and as a pyramid of ours."""
NO_ROOM = ("The portal's disk has too little room for this slide: {wanted:.1f} GB are needed while it is taken in and "
           "{free:.1f} GB are free. Tell your administrator.")
TOO_MANY = f"{MOST_UNFINISHED} of your slides are unfinished. Go on with them, or drop some."
NOT_STORED = "The portal could not write to its disk. Tell your administrator: it may be full. You can go on later."


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """What somebody wants to send: a file's name and size, and what is to become of it."""

    case_id: int
    name: str
    size: int
    model: str = ""
    um_per_px: float | None = None


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """How much of a file is here; `job` when it is whole."""

    id: int
    received: int
    size: int
    job: int | None
    resumed: bool = False


@dataclass(frozen=True, kw_only=True)
class Post:
    """Where files arrive: the settings' limits, the folder, and who is told when one is whole."""

    settings: Settings
    carrier: Carrier

    @property
    def incoming(self) -> Incoming:
        return Incoming(self.settings.incoming)


def begin(post: Post, actor: audit.Actor, parcel: Parcel, head: bytes, count: Callable[[], None]) -> Arrival:
    """Begin to receive a file, or go on with one of the same name and size that begins alike.

    `head` is its first `HEAD_BYTES`, less only if it has no more. `count` counts one more file, or raises: what goes on
    and what is refused before is none. Raises DeliveryRefused. The case is the caller's to ask for.
    """
    _check(post, parcel, head)
    held = _find_alike(post, actor, parcel, head)
    if held:
        held.model, held.um_per_px, held.seen_at = parcel.model, parcel.um_per_px, now()
        db.session.commit()
        return _arrival(post, held, resumed=True)
    _check_room(post, parcel.size, actor)
    count()
    delivery = _create(post, actor, parcel, head)
    if delivery.received == delivery.size:
        _hand_over(actor, delivery)
    db.session.commit()
    if delivery.job_id:
        post.carrier.wake()
    return _arrival(post, delivery)


def receive(post: Post, actor: audit.Actor, delivery_id: int, offset: int, data: bytes) -> Arrival:
    """Add a piece at `offset`; the last one makes the job. Raises NotFound, WrongOffset or DeliveryRefused."""
    name = get_delivery(actor, delivery_id).stored_as
    try:
        with post.incoming.alone(name):
            delivery = deliveries.load_delivery(delivery_id)
            if delivery is None:
                raise NotFound
            if delivery.job_id is None:
                _add_piece(post, actor, delivery, offset, data)
            db.session.commit()
    except FileNotFoundError:
        db.session.rollback()
        _forget(post, get_delivery(actor, delivery_id))
        raise NotFound from None
    except OSError as problem:
        db.session.rollback()
        log.exception("a piece of delivery %d could not be written", delivery_id)
        raise DeliveryRefused("not-stored", NOT_STORED) from problem
    if delivery.job_id:
        post.carrier.wake()
    return _arrival(post, delivery)


def take_whole(post: Post, actor: audit.Actor, parcel: Parcel, stream: IO[bytes]) -> Arrival:
    """A file that came in one piece with a form. Raises DeliveryRefused."""
    head = stream.read(HEAD_BYTES)
    _check(post, parcel, head)
    _check_room(post, parcel.size, actor)
    delivery = _create(post, actor, parcel, head)
    db.session.commit()
    try:
        with post.incoming.path(delivery.stored_as).open("ab") as file:
            shutil.copyfileobj(stream, file, CHUNK_BYTES)
        delivery.received = post.incoming.length(delivery.stored_as)
        if delivery.received != parcel.size:
            raise OSError("it came incomplete")
    except OSError as problem:
        log.exception("a slide from a form could not be written")
        _forget(post, delivery)
        raise DeliveryRefused("not-stored", NOT_STORED) from problem
    _hand_over(actor, delivery)
    db.session.commit()
    post.carrier.wake()
    return _arrival(post, delivery)


def drop(post: Post, actor: audit.Actor, delivery_id: int) -> int:
    """Forget an unfinished file, or stop the job that takes it in; returns the case. Raises NotFound."""
    delivery = get_delivery(actor, delivery_id)
    case_id = delivery.case_id
    if delivery.job_id is not None:
        # What it left behind goes with the next look of a worker.
        queue.cancel(actor, delivery.job_id)
        return case_id
    audit.record(actor, "delivery.drop", f"case:{case_id}", delivery=delivery.id,
                 received=delivery.received, **facts(delivery.name, delivery.size))
    _forget(post, delivery)
    return case_id


def get_delivery(actor: audit.Actor, delivery_id: int) -> Delivery:
    """One's own. Raises NotFound."""
    assert actor.user_id is not None
    delivery = deliveries.find_delivery(delivery_id, actor.user_id)
    if delivery is None:
        raise NotFound
    return delivery


def _check(post: Post, parcel: Parcel, head: bytes) -> None:
    most = post.settings.max_slide_bytes
    if parcel.size > most:
        raise DeliveryRefused("too-many-bytes", f"The slide is larger than the {most / 1e9:g} GB accepted here.")
    if not parcel.name or len(head) != min(parcel.size, HEAD_BYTES) or not head:
        raise DeliveryRefused("empty", "The file is empty or came incomplete. Choose it again.")
    reason = why_no_slide(head)
    if reason:
        raise DeliveryRefused("not-a-slide", reason)
    try:
        pixel_size.check(parcel.um_per_px)
    except PixelSizeProblem as problem:
        raise DeliveryRefused("pixel-size", str(problem)) from problem


def _check_room(post: Post, size: int, actor: audit.Actor) -> None:
    assert actor.user_id is not None
    if deliveries.count_unfinished(actor.user_id) >= MOST_UNFINISHED:
        raise DeliveryRefused("too-many", TOO_MANY)
    free = post.incoming.free_bytes() - deliveries.sum_to_come()
    wanted = size * ROOM + max(SPARE_BYTES, post.settings.min_free_bytes)
    if free < wanted:
        raise DeliveryRefused("no-room", NO_ROOM.format(wanted=wanted / 1e9, free=max(free, 0) / 1e9))


def _find_alike(post: Post, actor: audit.Actor, parcel: Parcel, head: bytes) -> Delivery | None:
    assert actor.user_id is not None
    for one in deliveries.list_unfinished(actor.user_id, parcel.case_id):
        if (one.name, one.size) == (parcel.name, parcel.size) and _begins_with(post, one, head):
            return one
    return None


def _begins_with(post: Post, delivery: Delivery, head: bytes) -> bool:
    try:
        return post.incoming.head(delivery.stored_as, len(head)) == head
    except FileNotFoundError:
        return False


def _create(post: Post, actor: audit.Actor, parcel: Parcel, head: bytes) -> Delivery:
    """A row in the running transaction and a file with the first bytes."""
    name = ""
    try:
        name = post.incoming.create()
        post.incoming.write(name, 0, head)
    except OSError as problem:
        log.exception("a delivery could not be begun")
        if name:
            post.incoming.delete(name)
        raise DeliveryRefused("not-stored", NOT_STORED) from problem
    delivery = deliveries.add_delivery(Delivery(
        user_id=actor.user_id, case_id=parcel.case_id, name=parcel.name, size=parcel.size, received=len(head),
        model=parcel.model, um_per_px=parcel.um_per_px, stored_as=name))
    audit.record(actor, "delivery.begin", f"case:{parcel.case_id}", delivery=delivery.id,
                 **facts(parcel.name, parcel.size))
    return delivery


def _add_piece(post: Post, actor: audit.Actor, delivery: Delivery, offset: int, data: bytes) -> None:
    """To a row and a file that are this caller's alone until the commit."""
    here = min(delivery.received, post.incoming.length(delivery.stored_as))
    if offset != here:
        delivery.received = here
        db.session.commit()
        raise WrongOffset(here)
    if not data or here + len(data) > delivery.size:
        raise DeliveryRefused("wrong-size", "The file has changed since it was chosen. Choose it again.")
    if not here and why_no_slide(data):
        raise DeliveryRefused("not-a-slide", why_no_slide(data))
    post.incoming.write(delivery.stored_as, here, data)
    delivery.received, delivery.seen_at = here + len(data), now()
    if delivery.received == delivery.size:
        _hand_over(actor, delivery)


def _hand_over(actor: audit.Actor, delivery: Delivery) -> None:
    order = Order(kind=KIND, title=f"Take in {delivery.name}", params={"delivery": delivery.id},
                  case_id=delivery.case_id)
    delivery.job_id = queue.add(actor, order).id


def _forget(post: Post, delivery: Delivery) -> None:
    name = delivery.stored_as
    deliveries.delete_delivery(delivery)
    db.session.commit()
    post.incoming.delete(name)


def _arrival(post: Post, delivery: Delivery, *, resumed: bool = False) -> Arrival:
    """What is here, after a loss of power less than the row says."""
    here = delivery.size if delivery.job_id else min(delivery.received, post.incoming.length(delivery.stored_as))
    return Arrival(id=delivery.id, received=here, size=delivery.size, job=delivery.job_id, resumed=resumed)
