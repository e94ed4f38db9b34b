// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDataMarket} from "../src/interfaces/IDataMarket.sol";
import {MarketDeskEvents} from "../src/market/MarketDeskEvents.sol";
import {Base} from "./Base.sol";
import {Vm} from "./Vm.sol";

/// @dev Offsets in calldata that no encoder writes: what the protocol state announces is what the market did, or nothing
/// happens.
contract CalldataTest is Base {
    uint256 private epoch;

    function setUp() public override {
        super.setUp();
        vm.prank(marketOwner);
        state.setRootOnlyBatches(address(market), true);
        epoch = _release();
    }

    /// @dev Overwrites the word of the head with this index. `data` begins with the selector.
    function _point(bytes memory data, uint256 word, uint256 value) private pure {
        assembly ("memory-safe") {
            mstore(add(add(data, 0x24), mul(word, 0x20)), value)
        }
    }

    function _pad(bytes memory data) private pure returns (bytes memory) {
        return bytes.concat(data, new bytes(1024));
    }

    /// @dev As many events at both places, or a refusal that changes nothing.
    function _sameOrRefused(address sender, bytes memory data) private returns (bool ok) {
        vm.recordLogs();
        vm.prank(sender);
        (ok,) = address(state).call(data);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        uint256[2] memory count;
        for (uint256 i = 0; i < logs.length; ++i) {
            ++count[logs[i].emitter == address(market) ? 0 : 1];
        }
        if (ok) vm.assertEq(count[0], count[1], "told otherwise");
    }

    function test_aRoleIsNotGivenInSilence() public {
        // The list of addresses begins at the second word: there stands the role, 0, so that it is empty here. At the market
        // the list's own offset stands there: 32 addresses follow, of which the third is the first word behind the head.
        bytes memory words = abi.encode(market, uint256(0), uint256(0x20), uint256(0x80 + 30 * 0x20), stranger);
        bytes memory states = abi.encode(uint256(32), false, false, true, new bytes(29 * 0x20 - 0x40));
        bytes memory data =
            bytes.concat(state.updateAddresses.selector, words, new bytes(29 * 0x20), states, new bytes(1024));
        vm.recordLogs();
        vm.prank(marketOwner);
        (bool ok,) = address(state).call(data);
        vm.assertEq(_count(vm.getRecordedLogs(), address(market), MarketDeskEvents.ValidatorsUpdated.selector), 0);
        vm.assertFalse(market.isValidator(stranger));
        // Lists of unequal length, as they are here.
        vm.assertFalse(ok);
    }

    /// @dev Offsets that lead anywhere, over words that may be lengths, addresses and flags.
    function testFuzz_rolesAreToldAsTheyChange(uint8 first, uint8 second, uint8 role, uint256 seed) public {
        bytes memory data = bytes.concat(
            state.updateAddresses.selector,
            abi.encode(market, uint256(role) % 3, uint256(first) % 48 * 0x20, uint256(second) % 48 * 0x20)
        );
        for (uint256 i = 0; i < 96; ++i) {
            // Mostly flags, sometimes a length.
            uint256 word = seed >> (2 * i % 256) & 3;
            data = bytes.concat(data, bytes32(word == 2 ? 32 : word & 1));
        }
        _sameOrRefused(marketOwner, data);
    }

    function _roots() private pure returns (IDataMarket.RootBatch[] memory batches) {
        batches = new IDataMarket.RootBatch[](1);
        batches[0] = IDataMarket.RootBatch("roots", GOOD, BAD);
    }

    function test_aRootOnlyBatchIsNotAnchoredInSilence() public {
        bytes memory data = abi.encodeCall(state.submitRootOnlyBatches, (address(market), 0, _roots()));
        // Epoch 0 is a list of nothing here; at the market the list's offset stands in its place.
        _point(data, 2, 0x20);
        vm.prank(sequencer);
        (bool ok, bytes memory answer) = address(state).call(_pad(data));
        vm.assertFalse(ok);
        vm.assertEq(answer, abi.encodeWithSignature("MalformedCalldata()"));
    }

    function testFuzz_rootOnlyBatchesAreToldAsTheyAre(uint8 list, uint8 element, uint8 text, bool back) public {
        bytes memory data = abi.encodeCall(state.submitRootOnlyBatches, (address(market), epoch, _roots()));
        if (list % 2 == 0) _point(data, 2, uint256(list) % 12 * 0x20);
        // The element's offset counts from behind the list's length, the text's from the element.
        uint256 shift = uint256(element) % 8 * 0x20;
        if (element % 2 == 0) _point(data, 4, back ? _minus(shift) : shift);
        shift = uint256(text) % 8 * 0x20;
        if (text % 2 == 0) _point(data, 5, back ? _minus(shift) : shift);
        _sameOrRefused(sequencer, _pad(data));
    }

    function _minus(uint256 shift) private pure returns (uint256) {
        unchecked {
            return 0 - shift;
        }
    }

    function testFuzz_batchesAreToldAsTheyAre(uint8 word, uint8 place) public {
        bytes memory data = abi.encodeCall(
            state.submitSubmissionBatch,
            (address(market), "batch", epoch, _list("p"), _list("c"), bytes32(uint256(0x20) * (place % 4)))
        );
        uint256[3] memory offsets = [uint256(1), 3, 4];
        _point(data, offsets[word % 3], uint256(place) % 16 * 0x20);
        _sameOrRefused(sequencer, _pad(data));
    }

    /// @dev A text that the market would take from elsewhere is refused wherever it is passed on.
    function test_everyTextLiesBehindTheHead() public {
        address m = address(market);
        bytes[] memory calls = new bytes[](18);
        calls[0] = abi.encodeCall(state.setSequencerId, (m, "x"));
        calls[1] = abi.encodeCall(state.attestationsReceived, (m, "x", v1));
        calls[2] = abi.encodeCall(state.attestationsReceivedCount, (m, "x", GOOD));
        calls[3] = abi.encodeCall(state.batchCidAttestationStatus, (m, "x"));
        calls[4] = abi.encodeCall(state.batchCidDivergentValidators, (m, "x", 0));
        calls[5] = abi.encodeCall(state.batchCidSequencerAttestation, (m, "x"));
        calls[6] = abi.encodeCall(state.batchCidToProjects, (m, "x"));
        calls[7] = abi.encodeCall(state.checkDynamicConsensusAttestations, (m, "x", epoch));
        calls[8] = abi.encodeCall(state.lastFinalizedSnapshot, (m, "x"));
        calls[9] = abi.encodeCall(state.lastSequencerFinalizedSnapshot, (m, "x"));
        calls[10] = abi.encodeCall(state.maxAttestationFinalizedRootHash, (m, "x"));
        calls[11] = abi.encodeCall(state.maxAttestationsCount, (m, "x"));
        calls[12] = abi.encodeCall(state.maxSnapshotsCid, (m, "x", epoch));
        calls[13] = abi.encodeCall(state.projectFirstEpochId, (m, "x"));
        calls[14] = abi.encodeCall(state.snapshotStatus, (m, "x", epoch));
        calls[15] = abi.encodeCall(state.batchCidProjectIdsRoot, (m, "x", epoch));
        IDataMarket.SnapshotProof memory proof;
        calls[16] = abi.encodeCall(state.verifySnapshot, (m, proof));
        calls[17] = abi.encodeCall(state.submitSubmissionBatch, (m, "x", epoch, _list("p"), _list("c"), bytes32(0)));
        for (uint256 i = 0; i < calls.length; ++i) {
            // The offset is the second word but for one. 0x20 is its own place.
            _point(calls[i], 1, 0x20);
            vm.prank(i == 17 ? sequencer : marketOwner);
            (bool ok, bytes memory answer) = address(state).call(_pad(calls[i]));
            vm.assertFalse(ok);
            vm.assertEq(answer, abi.encodeWithSignature("MalformedCalldata()"));
        }
    }
}
