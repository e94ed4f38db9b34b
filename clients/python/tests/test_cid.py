import json
import unittest
from pathlib import Path

from weft_client.cid import digest_of, snapshot_cid_of

VECTORS = json.loads((Path(__file__).parents[3] / "test/vectors/cid.json").read_text())


class Cids(unittest.TestCase):
    def test_of_counted_bytes(self):
        for length, cid in VECTORS["lengths"]:
            counted = (bytes(range(251)) * (length // 251 + 1))[:length]
            self.assertEqual(snapshot_cid_of(counted), cid)

    def test_of_texts(self):
        for text, cid in VECTORS["texts"]:
            self.assertEqual(snapshot_cid_of(text.encode()), cid)

    def test_are_kept_by_their_digest_where_they_are_spelled_in_their_one_way(self):
        cid = "bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7ri"
        self.assertEqual(digest_of(cid)[0], 1)
        self.assertEqual(digest_of("QmNLei78zWmzUdbeRB3CiUfAizWUrbeeZh5K1rhAQKCh51"), (3, bytes(32)))
        for other in (cid.upper(), cid[:-1], cid[:-1] + "j", cid[:-1] + "0", "bafyrei" + cid[7:], "", "Qm" + "1" * 44):
            self.assertIsNone(digest_of(other), other)


if __name__ == "__main__":
    unittest.main()
