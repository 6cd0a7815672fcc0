// What the account's wallet holds, and amounts that are a part of it.

import { call, find, known } from "./api.js";
import { fromScaled, scaled, withToken } from "./words.js";

// So many times the estimated network fee stay in the wallet: fees are raised where no block takes a transaction.
const KEPT_FEES = 3n;

export class Wallet {
  constructor(onChange) {
    this.onChange = onChange;
    this.balances = null;
    this.reason = "Balance not read yet";
  }

  /** Read it again. Never throws: why a balance is not known is `reason`. */
  async refresh() {
    try {
      const [wallet] = (await find("/wallets"))?.results ?? [];
      this.balances = wallet ? new Map(wallet.balances.map((balance) => [balance.token, balance.amount])) : null;
      this.reason = "The account has no wallet before its first order";
    } catch (error) {
      if (!error.problem) throw error;
      this.balances = null;
      this.reason = error.problem.title;
    }
    this.onChange();
  }

  /** A decimal string, or null. */
  balance(token) {
    return this.balances?.get(token) ?? null;
  }

  /**
   * Half or all of what it holds of a token ({ symbol, decimals }) as { amount, note }; null: it is not known.
   * What `parts` transactions may cost is left where the token pays them. `request` is asked for a quote where the fee is not known.
   */
  async portion({ symbol, decimals }, isHalf, fee, parts, request) {
    await this.refresh();
    const held = this.balance(symbol);
    if (held === null) return null;
    const atoms = scaled(held, decimals);
    if (isHalf) return { amount: fromScaled(atoms / 2n, decimals), note: "" };
    const likely = fee ?? (await known(call("POST", "/quotes", request)))?.body.network_fee;
    if (!likely) return { amount: held, note: "Network fees are not known: all of the balance" };
    if (likely.token !== symbol) return { amount: held, note: "" };
    const kept = scaled(likely.amount, decimals) * KEPT_FEES * BigInt(parts);
    return { amount: fromScaled(atoms > kept ? atoms - kept : 0n, decimals), note: `${withToken(fromScaled(kept, decimals), symbol, true)} kept for network fees` };
  }
}
