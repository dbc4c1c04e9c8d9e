import pyarrow as pa
import pytest

from evalkit.engine.memory import system_memory


def test_arrow_allocates_from_the_system_inside_and_as_before_afterwards() -> None:
    before = pa.default_memory_pool().backend_name
    with system_memory():
        assert pa.default_memory_pool().backend_name == "system"
        kept = pa.array(range(100))
    assert pa.default_memory_pool().backend_name == before
    assert kept.to_pylist() == list(range(100))


def test_a_failure_inside_puts_it_back_too() -> None:
    before = pa.default_memory_pool().backend_name
    with pytest.raises(ValueError, match="stop"), system_memory():
        raise ValueError("stop")
    assert pa.default_memory_pool().backend_name == before
