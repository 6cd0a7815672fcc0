"""The simulated chain's record."""

from dex.chains.base import Chain
from dex.chains.kind import WAITS, ChainKind, ChainSettings, DemoOrder
from dex.chains.simulated.chain import SimulatedChain
from dex.chains.simulated.options import SimulatedOptions
from dex.chains.simulated.transaction import ROUTER, summarize_payload
from dex.signers import DevSigner

# Five that tell a story.
DEMO_ORDERS: tuple[DemoOrder, ...] = (
    ({"token_in": "SOL", "token_out": "USDC", "amount": "250"}, "filled"),
    ({"token_in": "ETH", "token_out": "USDC", "amount": "4.2"}, "filled"),
    ({"token_in": "USDC", "token_out": "SOL", "amount": "1000", "sim": {"scenario": "network"}}, "filled"),
    ({"token_in": "SOL", "token_out": "BONK", "amount": "90", "sim": {"scenario": "slippage"}}, "slippage"),
    (
        {"token_in": "SOL", "token_out": "USDC", "amount": "50", "type": "limit", "limit_price": "150"},
        WAITS,
    ),
)


def build(settings: ChainSettings) -> Chain:
    """The chain in the database, with blocks and delays as set."""
    options = SimulatedOptions(
        block_time_ms=settings.read("SIM_BLOCK_TIME_MS"),
        quote_delay_ms=settings.read("SIM_QUOTE_DELAY_MS"),
        build_delay_ms=settings.read("SIM_BUILD_DELAY_MS"),
        submit_delay_ms=settings.read("SIM_SUBMIT_DELAY_MS"),
        noise_trades=settings.read("SIM_NOISE_TRADES"),
        seed=settings.read("SIM_SEED"),
        required_confirmations=settings.read("SIM_CONFIRMATIONS"),
        swap_fee=settings.read("SIM_SWAP_FEE"),
    )
    policy = settings.signer.policy(options.chain_id, frozenset({ROUTER}))
    if settings.signer.is_keystore:
        signer = settings.signer.keystore_signer(options.chain_id, summarize_payload, policy)
        return SimulatedChain(options, signer)
    return SimulatedChain(options, DevSigner(options.chain_id, summarize_payload, policy))


KIND = ChainKind(
    "simulated",
    build,
    is_play_money=lambda name, allow_real_money: True,
    acts_out_faults=True,
    demo_orders=DEMO_ORDERS,
)
