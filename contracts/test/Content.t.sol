// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDataMarket} from "../src/interfaces/IDataMarket.sol";
import {IMarketErrors} from "../src/interfaces/IMarketErrors.sol";
import {ProtocolStateEvents} from "../src/state/ProtocolStateEvents.sol";
import {Base} from "./Base.sol";

/// @dev Votes for the exact projects and CIDs that a validator saw.
contract ContentTest is Base {
    uint256 private epoch;

    function setUp() public override {
        super.setUp();
        epoch = _release();
    }

    /// @dev As a client works it out.
    function _hashOf(string[] memory projects, string[] memory cids) private pure returns (bytes31) {
        bytes memory pairs;
        for (uint256 i = 0; i < projects.length; ++i) {
            pairs = abi.encodePacked(pairs, keccak256(bytes(projects[i])), keccak256(bytes(cids[i])));
        }
        return bytes31(keccak256(pairs));
    }

    function _voteFor(address validator, bytes31 content) private {
        vm.prank(validator);
        state.submitContentAttestation(address(market), "batch", epoch, GOOD, content);
    }

    function test_aVoteForTheAnchoredContentCounts() public {
        _submit(
            "batch", epoch, _list("p", "q"), _list("c", "bafkreihwyondy4kizuhvw2zzhzbueoeu725mxg57jsgwpaizummptvtjzy")
        );
        bytes31 content =
            _hashOf(_list("p", "q"), _list("c", "bafkreihwyondy4kizuhvw2zzhzbueoeu725mxg57jsgwpaizummptvtjzy"));
        vm.assertEq(bytes32(state.batchCidContentHash(address(market), "batch", epoch)), bytes32(content));
        vm.expectEmit(true, true, true, true, address(state));
        emit ProtocolStateEvents.SnapshotBatchAttestationSubmitted(address(market), "batch", epoch, block.timestamp, v1);
        _voteFor(v1, content);
        // The deployed function's votes count beside it, and nobody votes twice.
        vm.prank(v1);
        _refuses("E40");
        state.submitBatchAttestation(address(market), "batch", epoch, GOOD);
        _vote(v2, "batch", epoch, GOOD);
        vm.assertEq(_status("p", epoch), 1);
        vm.prank(v2);
        _refuses("E40");
        state.submitContentAttestation(address(market), "batch", epoch, GOOD, content);
    }

    /// @dev After a reorganisation of the chain another batch stands under the same epoch, CID and root: a vote cast for the
    /// first one is not taken for it.
    function test_aVoteIsNotTakenForOtherContent() public {
        uint256 fork = vm.snapshotState();
        _submitOne("batch", epoch, "p", "seen");
        bytes31 seen = state.batchCidContentHash(address(market), "batch", epoch);
        _voteFor(v1, seen);
        vm.revertToState(fork);
        _submitOne("batch", epoch, "p", "never seen");
        bytes31 anchored = state.batchCidContentHash(address(market), "batch", epoch);
        vm.prank(v1);
        _refusesWith(abi.encodeWithSelector(IMarketErrors.BatchContentDiffers.selector, anchored));
        state.submitContentAttestation(address(market), "batch", epoch, GOOD, seen);
        vm.assertFalse(state.attestationsReceived(address(market), "batch", v1));
        _voteFor(v1, anchored);
        vm.assertTrue(state.attestationsReceived(address(market), "batch", v1));
    }

    function test_refusals() public {
        vm.prank(stranger);
        _refuses("E01");
        state.submitContentAttestation(address(market), "none", 99, GOOD, 0);
        vm.prank(v1);
        _refuses("E26");
        state.submitContentAttestation(address(market), "none", epoch, GOOD, 0);
        vm.prank(v1);
        _refuses("E02");
        state.submitContentAttestation(stranger, "none", epoch, GOOD, 0);
        vm.prank(v1);
        _refuses("E44");
        market.attestContent("none", epoch, GOOD, 0, v1);
        vm.assertEq(bytes32(state.batchCidContentHash(address(market), "none", epoch)), bytes32(0));
    }

    /// @dev A root-only batch says which projects it has by their root.
    function test_rootOnlyBatches() public {
        vm.prank(marketOwner);
        state.setRootOnlyBatches(address(market), true);
        IDataMarket.RootBatch[] memory roots = new IDataMarket.RootBatch[](1);
        roots[0] = IDataMarket.RootBatch("batch", GOOD, BAD);
        vm.prank(sequencer);
        state.submitRootOnlyBatches(address(market), epoch, roots);
        vm.prank(v1);
        _refusesWith(abi.encodeWithSelector(IMarketErrors.BatchContentDiffers.selector, bytes31(BAD)));
        state.submitContentAttestation(address(market), "batch", epoch, GOOD, bytes31(WORSE));
        _voteFor(v1, bytes31(BAD));
        // It comes back with other roots only under another name.
        _vote(v2, "batch", epoch, WORSE);
        _vote(v3, "batch", epoch, WORSE);
        roots[0].projectIdsRootHash = WORSE;
        vm.prank(sequencer);
        _refuses("E25");
        state.submitRootOnlyBatches(address(market), epoch, roots);
        roots[0] = IDataMarket.RootBatch("batch", WORSE, BAD);
        vm.prank(sequencer);
        state.submitRootOnlyBatches(address(market), epoch, roots);
    }

    /// @dev The hash is that of the texts, whatever they are and however many.
    function testFuzz_theHashIsThatOfTheTexts(string[3] calldata cids, uint8 count) public {
        string[] memory projects = new string[](uint256(count) % 60 + 1);
        string[] memory list = new string[](projects.length);
        for (uint256 i = 0; i < projects.length; ++i) {
            projects[i] = string.concat("project", vm.toString(i));
            string calldata text = cids[i % 3];
            list[i] = bytes(text).length <= 128 ? text : string(bytes(text)[:128]);
        }
        _submit("batch", epoch, projects, list);
        vm.assertEq(
            bytes32(state.batchCidContentHash(address(market), "batch", epoch)), bytes32(_hashOf(projects, list))
        );
        vm.assertEq(state.batchCidToProjects(address(market), "batch").length, projects.length);
    }
}
