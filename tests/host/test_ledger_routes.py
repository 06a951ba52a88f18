"""tobari.host.ledger_routes: the files are those of the tree, and nothing unpublished is among them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.host.fake_enclave import NOTE_KEY, entry
from tests.host.rig import Rig, rig
from tests.host.test_http import expect_problem
from tobari.ledger import tiles
from tobari.ledger.checkpoint import open_checkpoint
from tobari.ledger.proof import verify_consistency, verify_inclusion
from tobari.ledger.tree import Tree, leaf_hash

SIZE = 600


async def filled(host: Rig) -> Tree:
    await host.call(b"append:%d" % (SIZE - 1))
    tree = Tree()
    tree.extend(leaf_hash(entry(i).header) for i in range(SIZE))
    return tree


async def get(host: Rig, path: str) -> bytes:
    answer = await host.http.get(f"/v1/ledger/{path}")
    assert answer.status_code == 200, path
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    return answer.content


async def test_checkpoint(tmp_path: Path) -> None:
    async with rig(tmp_path) as host:
        tree = await filled(host)
        answer = await host.http.get("/v1/ledger/checkpoint")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["cache-control"] == "no-cache"
        checkpoint = open_checkpoint(answer.text, NOTE_KEY)
        assert (checkpoint.tree_size, checkpoint.root_hash) == (SIZE, tree.root())


async def test_tiles_are_those_of_the_tree_and_prove_it(tmp_path: Path) -> None:
    async with rig(tmp_path) as host:
        tree = await filled(host)
        served: dict[str, bytes] = {}
        for where in tiles.tile_paths(SIZE):
            served[str(where)] = await get(host, str(where))
            assert served[str(where)] == tiles.tile(tree, where)
        reader = tiles.TileReader(served.get, SIZE)
        assert reader.root() == tree.root()
        verify_inclusion(
            leaf_hash=leaf_hash(entry(77).header),
            index=77,
            tree_size=SIZE,
            proof=reader.inclusion_proof(77),
            root_hash=tree.root(),
        )
        verify_consistency(
            first_size=300,
            first_root=tree.root(300),
            second_size=SIZE,
            second_root=tree.root(),
            proof=reader.consistency_proof(300),
        )


async def test_bundles_hold_headers_and_public_bodies(tmp_path: Path) -> None:
    async with rig(tmp_path) as host:
        await filled(host)
        await host.call(b"public:" + b"seen by all")
        data = await get(host, "tile/entries/001")
        assert tiles.decode_bundle("entries", data) == ([entry(i).header for i in range(256, 512)], True)
        data = await get(host, f"tile/public/002.p/{SIZE + 1 - 512}")
        assert tiles.decode_bundle("public", data) == ([b""] * (SIZE - 512) + [b"seen by all"], True)


@pytest.mark.parametrize("kind", ["0", "entries", "public"])
async def test_only_what_a_published_checkpoint_covers(tmp_path: Path, kind: str) -> None:
    async with rig(tmp_path) as host:
        await filled(host)
        # Durable and in the tree, and no checkpoint speaks of it.
        await host.journal.append(SIZE, [entry(SIZE)])
        host.log.extend([entry(SIZE).header])
        last = SIZE - 512
        for path, good in [
            (f"{kind}/002.p/{last}", True),
            (f"{kind}/002.p/{last + 1}", False),
            (f"{kind}/002.p/255", False),
            (f"{kind}/002", False),
            (f"{kind}/003.p/1", False),
            (f"{kind}/001", True),
            (f"{kind}/001.p/9", True),
        ]:
            answer = await host.http.get(f"/v1/ledger/tile/{path}")
            if good:
                assert answer.status_code == 200, path
            else:
                expect_problem(answer, 404, "ledger.not_published")


@pytest.mark.parametrize("path", ["1/000.p/2", "1/000"])
async def test_higher_tiles_count_their_leaves(tmp_path: Path, path: str) -> None:
    async with rig(tmp_path) as host:
        await filled(host)
        answer = await host.http.get(f"/v1/ledger/tile/{path}")
        assert answer.status_code == (200 if path.endswith("2") else 404)


async def test_before_the_first_checkpoint_there_is_nothing(tmp_path: Path) -> None:
    async with rig(tmp_path, ready=False) as host:
        host.fake.take = lambda _: None  # type: ignore[method-assign, assignment]
        for path in ("checkpoint", "tile/0/000", "tile/entries/000.p/1"):
            expect_problem(await host.http.get(f"/v1/ledger/{path}"), 503, "ledger.no_checkpoint")
