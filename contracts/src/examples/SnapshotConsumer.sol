// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDataMarket} from "../interfaces/IDataMarket.sol";

/// @title A contract that acts on final data of one project
/// @notice An example: it accepts the CID of a newer snapshot from anyone who proves it, and from nobody else.
contract SnapshotConsumer {
    /// @notice The market that is trusted.
    IDataMarket public immutable market;
    /// @notice keccak256 of the project followed.
    bytes32 public immutable projectIdHash;
    /// @notice Epoch and CID of the newest snapshot proven so far.
    uint256 public latestEpochId;
    string public latestSnapshotCid;

    /// @notice A newer snapshot was proven.
    event SnapshotAccepted(uint256 indexed epochId, string snapshotCid);

    constructor(IDataMarket market_, string memory projectId) {
        market = market_;
        projectIdHash = keccak256(bytes(projectId));
    }

    /// @notice Takes over a newer final snapshot. Errors: "Another project", "Not newer", "Not final".
    function accept(IDataMarket.SnapshotProof calldata proof) external {
        require(keccak256(bytes(proof.projectId)) == projectIdHash, "Another project");
        require(proof.epochId > latestEpochId, "Not newer");
        (, bool isFinal) = market.verifySnapshot(proof);
        require(isFinal, "Not final");
        (latestEpochId, latestSnapshotCid) = (proof.epochId, proof.snapshotCid);
        emit SnapshotAccepted(proof.epochId, proof.snapshotCid);
    }
}
