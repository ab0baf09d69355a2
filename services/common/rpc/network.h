#pragma once

// What the network is, from its configuration: fixed while a process runs. Thread safety: a
// constant value.

#include <string>

namespace waterline::rpc {

struct NetworkFacts {
  std::string network;  // e.g. sussex, or dev-... with development identity.
  std::string host;     // Id of the host organisation.
  bool development = false;
  bool demonstration = false;  // Invented data; every output says so.
  // C2SP vkey of the ledger, where the ledger is in another process; empty where it is here.
  std::string ledger_key;
};

}  // namespace waterline::rpc
