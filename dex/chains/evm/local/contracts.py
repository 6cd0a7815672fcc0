"""Deploys compiled contracts out of npm packages and calls them, as an account that the node itself signs for."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from eth_abi.abi import encode
from eth_hash.auto import keccak

from dex.chains.evm.abi.codec import Function
from dex.chains.evm.local.install import LocalChainError
from dex.chains.evm.local.node import Anvil

# Where the compiled contracts lie below node_modules.
ARTIFACTS = {
    "WETH9": "@uniswap/v2-periphery/build/WETH9.json",
    "UniswapV2Factory": "@uniswap/v2-core/build/UniswapV2Factory.json",
    "UniswapV2Pair": "@uniswap/v2-core/build/UniswapV2Pair.json",
    "UniswapV2Router02": "@uniswap/v2-periphery/build/UniswapV2Router02.json",
    "UniswapV3Factory": "@uniswap/v3-core/artifacts/contracts/UniswapV3Factory.sol/UniswapV3Factory.json",
    "UniswapV3Pool": "@uniswap/v3-core/artifacts/contracts/UniswapV3Pool.sol/UniswapV3Pool.json",
    "NonfungiblePositionManager": "@uniswap/v3-periphery/artifacts/contracts/NonfungiblePositionManager.sol"
    "/NonfungiblePositionManager.json",
    "QuoterV2": "@uniswap/v3-periphery/artifacts/contracts/lens/QuoterV2.sol/QuoterV2.json",
    "UniswapInterfaceMulticall": "@uniswap/v3-periphery/artifacts/contracts/lens/UniswapInterfaceMulticall.sol"
    "/UniswapInterfaceMulticall.json",
    "SwapRouter02": "@uniswap/swap-router-contracts/artifacts/contracts/SwapRouter02.sol/SwapRouter02.json",
    "MintableErc20": "@aave/aave-token/artifacts/contracts/utils/MintableErc20.sol/MintableErc20.json",
    "Simple7702Account": "@account-abstraction/contracts/artifacts/Simple7702Account.json",
    "UniversalRouter": "@uniswap/universal-router/artifacts/contracts/UniversalRouter.sol/UniversalRouter.json",
    "DeflatingERC20": "@uniswap/v2-periphery/build/DeflatingERC20.json",
}
# Holds the code that stands at Permit2's own address, as text.
PERMIT2_SOURCE = "@uniswap/v4-periphery/lib/permit2/test/utils/DeployPermit2.sol"
GAS = 12_000_000
PROXY, NO_SALT = "0x4e59b44847b379578588920ca78fbf26c0b4956c", bytes(32)


@cache
def creation_code(folder: Path, name: str) -> bytes:
    """What deploys a contract, without its constructor's arguments."""
    code = json.loads((folder / "node_modules" / ARTIFACTS[name]).read_text())["bytecode"]
    return bytes.fromhex(code.removeprefix("0x"))


@cache
def permit2_code(folder: Path) -> str:
    """What runs at Permit2's address; two numbers in it are of another chain, which it notices by itself."""
    text = (folder / "node_modules" / PERMIT2_SOURCE).read_text()
    return "0x" + text.partition('hex"')[2].partition('"')[0]


@dataclass(frozen=True, slots=True)
class Deployer:
    """Sends from one of the node's accounts, and does not wait: the node mines each at once."""

    anvil: Anvil
    folder: Path
    account: str

    def deploy(self, name: str, types: Sequence[str] = (), arguments: Sequence[Any] = ()) -> str:
        """The address of a new contract, in lower case. Raises: LocalChainError."""
        return str(self._send({"data": creation_code(self.folder, name) + encode(types, arguments)})["contractAddress"])

    def deploy_anywhere(self, name: str) -> str:
        """The address of a contract that is the same on every chain, by the proxy that every chain has.

        Source: https://github.com/Arachnid/deterministic-deployment-proxy
        """
        code = creation_code(self.folder, name)
        self._send({"to": PROXY, "data": NO_SALT + code})
        return "0x" + keccak(b"\xff" + bytes.fromhex(PROXY[2:]) + NO_SALT + keccak(code))[-20:].hex()

    def call(self, to: str, function: Function, *arguments: Any, value: int = 0) -> None:
        """Execute a call. Raises: LocalChainError when it reverts."""
        self._send({"to": to, "data": function.call(*arguments), "value": hex(value)})

    def read(self, to: str, function: Function, *arguments: Any) -> Any:
        """A call's result at the newest block, the first one where there are several."""
        data = "0x" + function.call(*arguments).hex()
        return function.result(bytes.fromhex(self.anvil.ask("eth_call", {"to": to, "data": data}, "latest")[2:]))[0]

    def _send(self, fields: dict[str, Any]) -> dict[str, Any]:
        sent = fields | {"from": self.account, "gas": hex(GAS), "data": "0x" + fields["data"].hex()}
        tx_hash = self.anvil.ask("eth_sendTransaction", sent)
        receipt = self.anvil.ask("eth_getTransactionReceipt", tx_hash)
        if receipt is None:
            self.anvil.mine()
            receipt = self.anvil.ask("eth_getTransactionReceipt", tx_hash)
        if receipt is None or receipt["status"] != "0x1":
            raise LocalChainError(f"a transaction of the set-up did not go through: {tx_hash}")
        return dict(receipt)
