// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Cid} from "../src/market/Cid.sol";
import {Base} from "./Base.sol";

/// @dev `Cid` takes calldata, so it is reached through a contract.
contract CidHarness {
    function pack(string calldata text) external pure returns (uint256 kind, bytes32 word) {
        return Cid.pack(text);
    }

    function unpack(uint256 kind, bytes32 word) external pure returns (string memory) {
        return Cid.unpack(kind, word);
    }
}

/// @dev The expected texts were made with the npm package multiformats.
contract CidTest is Base {
    CidHarness private cid = new CidHarness();

    function _check(bytes32 digest, string memory raw, string memory dagPb, string memory v0) private view {
        string[3] memory texts = [raw, dagPb, v0];
        for (uint256 i = 0; i < 3; ++i) {
            (uint256 kind, bytes32 word) = cid.pack(texts[i]);
            vm.assertEq(kind, i + 1);
            vm.assertEq(word, digest);
            vm.assertEq(cid.unpack(kind, digest), texts[i]);
        }
    }

    function test_vectors() public view {
        _check(
            0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855,
            "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
            "bafybeihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
            "QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n"
        );
        _check(
            0xca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb,
            "bafkreigks6arfsq3xxfpvqrrwonchxcnu6do76auprhhfomao6c273sixm",
            "bafybeigks6arfsq3xxfpvqrrwonchxcnu6do76auprhhfomao6c273sixm",
            "QmbyV4BASLJCFiCfKz37eNwFX8y6hefQ7LGpzvEwJQzNft"
        );
        _check(
            0xe627e2237f44543d8b79e2772a7cc79f6c8d0ea2854eef84f69fbef586339c91,
            "bafkreihge7rcg72ekq6yw6pco4vhzr47nsgq5iufj3xyj5u7x32ymm44se",
            "bafybeihge7rcg72ekq6yw6pco4vhzr47nsgq5iufj3xyj5u7x32ymm44se",
            "Qmdq5kdZNeMLwrJQLMRZHiWrrL8YvWR9UsdNhRtkLydKu2"
        );
        _check(
            0xb94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9,
            "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e",
            "bafybeifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e",
            "QmaozNR7DZHQK1ZcU9p7QdrshMvXqWK6gpu5rmrkPdT3L4"
        );
    }

    function testFuzz_everyDigestComesBack(bytes32 digest) public view {
        for (uint256 kind = Cid.RAW; kind <= Cid.V0; ++kind) {
            (uint256 kindAgain, bytes32 digestAgain) = cid.pack(cid.unpack(kind, digest));
            vm.assertEq(kindAgain, kind);
            vm.assertEq(digestAgain, digest);
        }
    }

    /// @dev One changed character is another CID or no CID; it never reads back as the original.
    function testFuzz_aChangedCharacterIsNeverTakenForTheOriginal(
        bytes32 digest,
        uint8 kindSeed,
        uint8 place,
        bytes1 other
    ) public view {
        uint256 kind = Cid.RAW + kindSeed % 3;
        bytes memory text = bytes(cid.unpack(kind, digest));
        uint256 position = place % text.length;
        vm.assume(text[position] != other);
        text[position] = other;
        (uint256 kindAgain, bytes32 word) = cid.pack(string(text));
        if (kindAgain == Cid.OTHER) {
            vm.assertEq(word, keccak256(text));
        } else {
            vm.assertEq(cid.unpack(kindAgain, word), string(text));
        }
    }

    function testFuzz_otherTextsAreTheirHash(bytes calldata text) public view {
        vm.assume(text.length != 0 && text.length != 46 && text.length != 59);
        (uint256 kind, bytes32 word) = cid.pack(string(text));
        vm.assertEq(kind, Cid.OTHER);
        vm.assertEq(word, keccak256(text));
    }

    function test_theEmptyTextIsEmpty() public view {
        (uint256 kind, bytes32 word) = cid.pack("");
        vm.assertEq(kind, Cid.EMPTY);
        vm.assertEq(cid.unpack(kind, word), "");
    }

    function test_upperCaseAndOtherBasesAreKeptAsText() public view {
        (uint256 kind,) = cid.pack("BAFKREIHDWDCEFGH4DQKJV67UZCMW7OJEE6XEDZDETOJUZJEVTENXQUVYKU");
        vm.assertEq(kind, Cid.OTHER);
        (kind,) = cid.pack("Qm00000000000000000000000000000000000000000000");
        vm.assertEq(kind, Cid.OTHER);
        (kind,) = cid.pack("bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyk1");
        vm.assertEq(kind, Cid.OTHER);
    }
}
