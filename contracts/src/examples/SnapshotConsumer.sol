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
    /// @notice Epoch of the newest snapshot proven so far; 0 before the first.
    uint256 public latestEpochId;
    /// @notice Its CID.
    string public latestSnapshotCid;

    /// @notice The proof is about another project.
    error AnotherProject();
    /// @notice A snapshot of this epoch or a later one is known already.
    error NotNewer(uint256 epochId, uint256 latestEpochId);
    /// @notice The batch does not say so, or is not final.
    error NotFinal();

    /// @notice A newer snapshot was proven.
    event SnapshotAccepted(uint256 indexed epochId, string snapshotCid);

    /// @param market_ the market that is trusted
    /// @param projectId the project followed
    constructor(IDataMarket market_, string memory projectId) {
        market = market_;
        projectIdHash = keccak256(bytes(projectId));
    }

    /// @notice Takes over a newer final snapshot. Errors: `AnotherProject`, `NotNewer`, `NotFinal`.
    function accept(IDataMarket.SnapshotProof calldata proof) external {
        require(keccak256(bytes(proof.projectId)) == projectIdHash, AnotherProject());
        require(proof.epochId > latestEpochId, NotNewer(proof.epochId, latestEpochId));
        (, bool isFinal) = market.verifySnapshot(proof);
        require(isFinal, NotFinal());
        (latestEpochId, latestSnapshotCid) = (proof.epochId, proof.snapshotCid);
        emit SnapshotAccepted(proof.epochId, proof.snapshotCid);
    }
}
