"""How the demo's scene is fed: real trades and the synthetic instrument, in one feed process."""

from services.cli.demo.scene import SEED, SYNTH_TICKS_PER_S, Scene
from services.cli.stack import Ground
from services.feed.settings import FeedSettings
from services.kit.supervisor import Launch


def feed_launch(ground: Ground, scene: Scene) -> Launch:
    """The feed service with the scene's sources, stretch and speed; it ends by itself."""
    settings = FeedSettings(
        sources=("es", "synth"),
        speed=scene.speed,
        from_time=str(scene.from_ns),
        to_time=str(scene.to_ns),
        seed=SEED,
        rate_per_s=SYNTH_TICKS_PER_S,
    )
    return ground.launch("feed", settings.environment(), is_finite=True)
