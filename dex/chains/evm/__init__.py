"""Chains of the Ethereum kind, through the deployed Uniswap V2 and V3 and their forks.

Imported only where it is used: what speaks to nodes takes half a second and 20 MB to load.
"""

from dex.chains.evm.chain import EvmChain
from dex.chains.evm.config.deployments import DEPLOYMENTS, Deployment
from dex.chains.evm.config.options import EvmOptions, ListedToken
from dex.chains.evm.swaps.effects import payload_summarizer
from dex.chains.evm.transactions.transaction import chain_name

__all__ = ["DEPLOYMENTS", "Deployment", "EvmChain", "EvmOptions", "ListedToken", "chain_name", "payload_summarizer"]
