#pragma once

// Early return on error. Plain statements only: g++ miscompiles statement expressions in coroutines
// (gcc PR 115851). The CO_ forms are for coroutines. Thread safety: nothing is shared.

#define WATERLINE_INTERNAL_CONCAT2(a, b) a##b
#define WATERLINE_INTERNAL_CONCAT(a, b) WATERLINE_INTERNAL_CONCAT2(a, b)

#define WATERLINE_RETURN_IF_ERROR(expr)                                                  \
  do {                                                                                   \
    if (auto waterline_status = (expr); !waterline_status.ok()) return waterline_status; \
  } while (false)

#define WATERLINE_CO_RETURN_IF_ERROR(expr)                                                  \
  do {                                                                                      \
    if (auto waterline_status = (expr); !waterline_status.ok()) co_return waterline_status; \
  } while (false)

#define WATERLINE_INTERNAL_ASSIGN(ret, result, lhs, expr) \
  auto result = (expr);                                   \
  if (!result.ok()) ret result.status();                  \
  lhs = *std::move(result)

// WATERLINE_ASSIGN_OR_RETURN(auto value, Compute());
#define WATERLINE_ASSIGN_OR_RETURN(lhs, ...)                                                     \
  WATERLINE_INTERNAL_ASSIGN(return, WATERLINE_INTERNAL_CONCAT(waterline_result_, __LINE__), lhs, \
                                  (__VA_ARGS__))

// WATERLINE_CO_ASSIGN_OR_RETURN(auto value, co_await Load(key));
#define WATERLINE_CO_ASSIGN_OR_RETURN(lhs, ...)                                                \
  WATERLINE_INTERNAL_ASSIGN(co_return, WATERLINE_INTERNAL_CONCAT(waterline_result_, __LINE__), \
                            lhs, (__VA_ARGS__))
