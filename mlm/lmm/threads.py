"""One thread for products of small matrices: handing them to several costs more than it saves."""

from collections.abc import Callable
from functools import cache, wraps

from threadpoolctl import ThreadpoolController


@cache
def _pools() -> ThreadpoolController:
    """The linear algebra libraries that are loaded; looking them up takes milliseconds, so once."""
    return ThreadpoolController()


def one_thread(function: Callable) -> Callable:
    """While the function runs, the linear algebra libraries use one thread; afterwards as many as before."""

    @wraps(function)
    def limited(*arguments, **options):
        with _pools().limit(limits=1, user_api="blas"):
            return function(*arguments, **options)

    return limited
