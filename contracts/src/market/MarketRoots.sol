// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {check} from "../Check.sol";
import {IDataMarket} from "../interfaces/IDataMarket.sol";
import {MarketBatches} from "./MarketBatches.sol";

/// @title Batches anchored by CID and roots alone, and proofs against anchored roots
/// @notice Where the market's owner allows it, a batch costs the same whether it has one project or thousands: projects
/// and CIDs stay in the batch's file, the chain has the roots of two trees with equal indexes, and whoever needs one
/// snapshot on chain proves it. Such batches claim no projects: it is the final batch that counts.
abstract contract MarketRoots is MarketBatches {
    /// @notice Anchors several root-only batches of an epoch; after the batch window nothing is stored.
    /// Errors: E44, E04, `RootOnlyBatchesNotAllowed`, E30, E24 (none), E43, E25 (CID anchored for this epoch), `CidTooLong`.
    /// @return submitted false when it was too late
    function submitRootOnlyBatches(uint256 epochId, IDataMarket.RootBatch[] calldata batches, address sender)
        external
        onlySequencerVia(sender)
        returns (bool submitted)
    {
        require(self.rootOnlyAllowed, RootOnlyBatchesNotAllowed());
        check(batches.length != 0, "E24");
        for (uint256 i = 0; i < batches.length; ++i) {
            IDataMarket.RootBatch calldata batch = batches[i];
            Draft memory draft;
            if (!_openBatch(draft, batch.batchCid, epochId, 1)) continue;
            submitted = true;
            _writeHead(draft, batch.batchCid, batch.finalizedCidsRootHash, 32);
            bytes memory blob = draft.blob;
            bytes32 projectsRoot = batch.projectIdsRootHash;
            assembly ("memory-safe") {
                mstore(add(blob, 0x60), projectsRoot)
            }
            _store(draft, epochId, ROOT_ONLY);
            emit SnapshotBatchSubmitted(batch.batchCid, epochId, block.timestamp);
        }
    }

    /// @notice Whether sequencers may anchor batches by their roots alone.
    function rootOnlyBatchesAllowed() external view returns (bool) {
        return self.rootOnlyAllowed;
    }

    /// @notice The root over the project ids of a batch that was anchored by its roots; zero for any other.
    function batchCidProjectIdsRoot(string calldata batchCid, uint256 epochId) external view returns (bytes32) {
        _askDesk();
    }

    /// @notice Whether a batch says that a project got a CID, and whether that is final. For a root-only batch both trees
    /// are proven; otherwise the project is looked up and its siblings are not needed.
    /// @return isIncluded the batch of this CID and epoch has `snapshotCid` for `projectId` at `index`
    /// @return isFinal and the batch is final, and no other batch has taken the project over
    function verifySnapshot(IDataMarket.SnapshotProof calldata proof)
        external
        view
        returns (bool isIncluded, bool isFinal)
    {
        _askDesk();
    }
}
